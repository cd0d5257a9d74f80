// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/candidates.h"

#include <algorithm>

namespace stillframe::drift {

std::string base_name(std::string_view path) {
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  const auto slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path
                                                     : path.substr(slash + 1));
}

void Candidates::add(const InodeId& directory, Candidate candidate) {
  if (!by_directory_.contains(directory.ino) &&
      by_directory_.size() >= kMaxDirectories) {
    return;  // what is found there stays unattributed
  }
  auto& list = by_directory_[directory.ino];
  const auto same = std::find_if(list.begin(), list.end(), [&](const auto& c) {
    return c.actor == candidate.actor && c.op == candidate.op &&
           c.live == candidate.live && c.hint == candidate.hint;
  });
  if (same != list.end()) {
    same->last_ns = std::max(same->last_ns, candidate.last_ns);
    return;
  }
  if (list.size() < kMaxPerDirectory) {
    list.push_back(std::move(candidate));
    return;
  }
  // Full: one actor's hints are worth less than another actor.
  const auto merged =
      std::find_if(list.begin(), list.end(), [&](const auto& c) {
        return c.actor == candidate.actor && c.op == candidate.op;
      });
  if (merged != list.end()) {
    merged->last_ns = std::max(merged->last_ns, candidate.last_ns);
    merged->hint = candidate.hint;
    return;
  }
  list.erase(list.begin());
  list.push_back(std::move(candidate));
}

std::optional<Choice> Candidates::choose(
    const InodeId& directory, std::string_view name,
    std::optional<std::int64_t> made_at_boot_ns) const {
  const auto it = by_directory_.find(directory.ino);
  if (it == by_directory_.end()) return std::nullopt;
  const Candidate* latest = nullptr;
  const Candidate* hinted = nullptr;
  bool several = false;
  bool several_hinted = false;
  for (const auto& c : it->second) {
    if (made_at_boot_ns &&
        static_cast<std::int64_t>(c.first_ns) > *made_at_boot_ns + kSlackNs) {
      continue;
    }
    if (latest != nullptr && c.actor != latest->actor) several = true;
    if (latest == nullptr || c.last_ns >= latest->last_ns) latest = &c;
    if (c.hint != name) continue;
    if (hinted != nullptr && c.actor != hinted->actor) several_hinted = true;
    if (hinted == nullptr || c.last_ns >= hinted->last_ns) hinted = &c;
  }
  if (latest == nullptr) return std::nullopt;
  if (hinted != nullptr) return Choice{*hinted, several_hinted};
  return Choice{*latest, several};
}

void Candidates::settle(const InodeId& directory, std::uint64_t started) {
  const auto it = by_directory_.find(directory.ino);
  if (it == by_directory_.end()) return;
  std::erase_if(it->second, [&](const auto& c) { return c.last_ns < started; });
  if (it->second.empty()) by_directory_.erase(it);
}

void Candidates::settle_all(std::uint64_t started) {
  for (auto it = by_directory_.begin(); it != by_directory_.end();) {
    std::erase_if(it->second,
                  [&](const auto& c) { return c.last_ns < started; });
    it = it->second.empty() ? by_directory_.erase(it) : std::next(it);
  }
}

}  // namespace stillframe::drift
