// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/awaited.h"

#include <algorithm>
#include <utility>

namespace stillframe::drift {
namespace {

bool at_place(const FileObservation& seen, const Entry& entry) {
  return same_inode(seen.parent, entry.parent) && seen.name == entry.name;
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
  if (std::any_of(waiting_.begin(), waiting_.end(), same)) return true;
  if (waiting_.size() >= kMax) return false;
  waiting_.push_back(std::move(one));
  return true;
}

std::uint64_t AwaitedReports::next_boot_ns() const {
  return waiting_.empty() ? 0 : waiting_.front().since_ns + kPatienceNs;
}

std::deque<Awaited> AwaitedReports::take(
    const std::function<bool(const Awaited&)>& which) {
  std::deque<Awaited> taken;
  std::deque<Awaited> left;
  for (auto& one : waiting_) {
    (which(one) ? taken : left).push_back(std::move(one));
  }
  waiting_ = std::move(left);
  return taken;
}

bool concerns(const FileObservation& seen, const Awaited& one) {
  if (seen.entries) return false;
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
