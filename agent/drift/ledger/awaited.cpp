// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/awaited.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

namespace stillframe::drift {
namespace {

bool at_place(const FileObservation& seen, const Entry& entry) {
  return same_inode(seen.parent, entry.parent) && seen.name == entry.name;
}

// Generations are left out: one of 0 matches any.
std::size_t place_hash(const InodeId& parent, const std::string& name) {
  return std::hash<std::string>()(name) ^ (parent.ino * 0x9E3779B97F4A7C15u);
}

std::size_t bytes_of(const Awaited& one) {
  return one.path.size() + one.from.size();
}

}  // namespace

bool AwaitedReports::add(Awaited one) {
  const auto same = [&one](const Awaited& other) {
    return other.vanished == one.vanished &&
           other.entry.whiteout == one.entry.whiteout &&
           same_inode(other.entry.inode, one.entry.inode) &&
           same_inode(other.entry.parent, one.entry.parent) &&
           other.entry.name == one.entry.name;
  };
  const bool may_wait =
      places_.contains(place_hash(one.entry.parent, one.entry.name));
  if (may_wait && std::any_of(waiting_.begin(), waiting_.end(), same)) {
    return true;
  }
  if (waiting_.size() >= kMax || bytes_ + bytes_of(one) > kMaxBytes) {
    return false;
  }
  count(one, 1);
  waiting_.push_back(std::move(one));
  return true;
}

void AwaitedReports::count(const Awaited& one, int by) {
  bytes_ += by > 0 ? bytes_of(one) : 0 - bytes_of(one);
  const auto bump = [by](auto& counts, std::size_t hash) {
    int& n = counts[hash];
    n += by;
    if (n == 0) counts.erase(hash);
  };
  bump(places_, place_hash(one.entry.parent, one.entry.name));
  if (!one.entry.whiteout) bump(inodes_, one.entry.inode.ino);
}

bool AwaitedReports::may_concern(const FileObservation& seen) const {
  if (seen.entries || waiting_.empty()) return false;
  return inodes_.contains(seen.inode.ino) ||
         places_.contains(place_hash(seen.parent, seen.name));
}

std::uint64_t AwaitedReports::next_boot_ns() const {
  return waiting_.empty() ? 0 : waiting_.front().since_ns + kPatienceNs;
}

Queue<Awaited> AwaitedReports::take(
    const std::function<bool(const Awaited&)>& which) {
  Queue<Awaited> taken;
  // Each is asked about once, and none is moved while none is to go.
  const auto first = std::find_if(waiting_.begin(), waiting_.end(), which);
  if (first == waiting_.end()) return taken;
  taken.push_back(std::move(*first));
  auto keep = first;
  for (auto at = std::next(first); at != waiting_.end(); ++at) {
    if (which(*at)) {
      taken.push_back(std::move(*at));
    } else {
      *keep++ = std::move(*at);
    }
  }
  waiting_.erase(keep, waiting_.end());
  for (const auto& one : taken) count(one, -1);
  return taken;
}

bool concerns(const FileObservation& seen, const Awaited& one) {
  if (seen.entries) return false;
  const bool of_names = seen.created || seen.op == FileOp::link ||
                        seen.op == FileOp::rename || seen.op == FileOp::unlink;
  if (one.other_names && !of_names) return false;
  if (at_place(seen, one.entry)) return true;
  return !one.entry.whiteout && same_inode(seen.inode, one.entry.inode);
}

bool explains(const FileObservation& seen, const Awaited& one) {
  const bool inode = same_inode(seen.inode, one.entry.inode);
  switch (seen.op) {
    case FileOp::unlink:
    case FileOp::rmdir:
      return (one.vanished || one.entry.whiteout) && at_place(seen, one.entry);
    case FileOp::rename:
      return inode && (one.vanished || at_place(seen, one.entry));
    case FileOp::link:
      return inode && one.appeared && at_place(seen, one.entry);
    default:
      return inode && (seen.created || !one.appeared ||
                       one.entry.change == Change::changed);
  }
}

}  // namespace stillframe::drift
