// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/unclaimed.h"

#include <algorithm>
#include <utility>

namespace stillframe::engine {

void Unclaimed::add(const UpperRoot& root, std::uint64_t boot_ns, Seen seen) {
  auto it = roots_.find(root);
  if (it == roots_.end()) {
    if (roots_.size() >= kMaxRoots) {
      roots_.erase(std::min_element(
          roots_.begin(), roots_.end(), [](const auto& a, const auto& b) {
            return a.second.since_ns < b.second.since_ns;
          }));
    }
    it = roots_.emplace(root, Waiting{boot_ns, {}}).first;
  }
  Claimed& waiting = it->second.claimed;
  if (waiting.seen.size() < kMaxSeen) {
    waiting.seen.push_back(std::move(seen));
  } else {
    waiting.overflowed = true;
  }
}

Unclaimed::Claimed Unclaimed::claim(const UpperRoot& root) {
  const auto it = roots_.find(root);
  if (it == roots_.end()) return {};
  Claimed claimed = std::move(it->second.claimed);
  roots_.erase(it);
  return claimed;
}

void Unclaimed::expire(std::uint64_t now,
                       const std::function<void(const UpperRoot&)>& forgotten) {
  std::erase_if(roots_, [&](const auto& item) {
    if (now < item.second.since_ns + kPatienceNs) return false;
    forgotten(item.first);
    return true;
  });
}

}  // namespace stillframe::engine
