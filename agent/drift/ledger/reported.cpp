// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/reported.h"

#include <algorithm>

#include "agent/base/keyed_hash.h"

namespace stillframe::drift {
namespace {

bool same(const InodeId& a, const InodeId& b) { return a && a == b; }

}  // namespace

Reported::Latest& Reported::find(const Sighting& seen) {
  if (latest_.size() >= kMax) latest_.clear();
  return latest_[{KeyedHash::own()(seen.path), seen.kind, seen.pid}];
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
  const std::uint64_t place = KeyedHash::own()(path);
  for (auto it = latest_.lower_bound({place, kind, 0}); it != latest_.end();
       ++it) {
    if (std::get<0>(it->first) != place || std::get<1>(it->first) != kind) {
      break;
    }
    if (!it->second.scan && now < it->second.time + kScanNs) return true;
  }
  return false;
}

void Reported::expire(std::uint64_t now) {
  if (!latest_.empty() && now > newest_ + kScanNs) latest_.clear();
}

}  // namespace stillframe::drift
