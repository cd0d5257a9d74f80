// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/reported.h"

#include <algorithm>

#include "agent/base/keyed_hash.h"

namespace stillframe::drift {
namespace {

bool same(const InodeId& a, const InodeId& b) { return a && a == b; }

}  // namespace

std::uint64_t Reported::key_of(const std::string& path, Kind kind) {
  return KeyedHash::own()(path) +
         static_cast<std::uint64_t>(kind) * 0x9E3779B97F4A7C15u;
}

void Reported::clear() {
  latest_.clear();
  size_ = 0;
}

Reported::Latest& Reported::find(const Sighting& seen) {
  if (size_ >= kMax) clear();
  const auto [at, fresh] = latest_.try_emplace(key_of(seen.path, seen.kind));
  Changed& changed = at->second;
  if (fresh) changed.pid = seen.pid;
  if (changed.pid == seen.pid) {
    if (fresh) ++size_;
    return changed.by_pid;
  }
  const auto [other, another] = changed.by_others.try_emplace(seen.pid);
  if (another) ++size_;
  return other->second;
}

bool Reported::by_operation(const Sighting& seen, std::uint64_t boot_ns) {
  Latest& last = find(seen);
  newest_ = std::max(newest_, boot_ns);
  const bool recent = last.time != 0 && boot_ns < last.time + kFoldNs;
  const bool again = recent && (last.scan || same(last.inode, seen.inode));
  const bool same_second = again && !last.scan;
  last.inode = seen.inode;
  last.scan = false;
  if (!same_second) last.time = boot_ns;
  return !again;
}

bool Reported::by_scan(const Sighting& seen, std::uint64_t now) {
  Latest& last = find(seen);
  newest_ = std::max(newest_, now);
  const bool known = last.time != 0;
  // Another scan of the same operation, which sees more of it: a directory that
  // is removed is first exchanged for an opaque one, then for a whiteout.
  const bool under_way = known && last.scan && now < last.time + kFoldNs;
  // Whichever inode the scan met there: what an operation has reported is what
  // it sees of it, before, amid or after.
  const bool reported = known && !last.scan && now < last.time + kScanNs;
  if (reported) return false;
  last = {seen.inode, now, true};
  return !under_way;
}

bool Reported::operation(const std::string& path, Kind kind,
                         std::uint64_t now) const {
  const auto at = latest_.find(key_of(path, kind));
  if (at == latest_.end()) return false;
  const auto by_operation = [now](const Latest& last) {
    return !last.scan && now < last.time + kScanNs;
  };
  const auto& others = at->second.by_others;
  return by_operation(at->second.by_pid) ||
         std::any_of(others.begin(), others.end(), [&](const auto& other) {
           return by_operation(other.second);
         });
}

void Reported::expire(std::uint64_t now) {
  if (!latest_.empty() && now > newest_ + kScanNs) clear();
}

}  // namespace stillframe::drift
