// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/unclaimed.h"

#include <algorithm>
#include <utility>

namespace stillframe::engine {
namespace {

std::uint64_t maker_of(const Unclaimed::Seen& seen) {
  return std::visit(
      [](const auto& one) {
        return one.process.in_container ? one.process.cgroup : 0;
      },
      seen);
}

}  // namespace

// A container that mounts overlays of its own without end crowds out only
// those.
void Unclaimed::make_room() {
  std::unordered_map<std::uint64_t, std::size_t> shares;
  for (const auto& [root, waiting] : roots_) ++shares[waiting.maker];
  const auto greediest = std::max_element(
      shares.begin(), shares.end(),
      [](const auto& a, const auto& b) { return a.second < b.second; });
  auto oldest = roots_.end();
  for (auto it = roots_.begin(); it != roots_.end(); ++it) {
    if (it->second.maker != greediest->first) continue;
    if (oldest == roots_.end() ||
        it->second.since_ns < oldest->second.since_ns) {
      oldest = it;
    }
  }
  forgotten_(oldest->first);
  roots_.erase(oldest);
}

void Unclaimed::add(const UpperRoot& root, std::uint64_t boot_ns, Seen seen) {
  auto it = roots_.find(root);
  if (it == roots_.end()) {
    if (roots_.size() >= kMaxRoots) make_room();
    it = roots_.emplace(root, Waiting{boot_ns, maker_of(seen), {}}).first;
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

void Unclaimed::expire(std::uint64_t now) {
  std::erase_if(roots_, [&](const auto& item) {
    if (now < item.second.since_ns + kPatienceNs) return false;
    forgotten_(item.first);
    return true;
  });
}

}  // namespace stillframe::engine
