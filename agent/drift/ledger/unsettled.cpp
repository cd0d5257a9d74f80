// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/unsettled.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "agent/drift/ledger/kinds.h"

namespace stillframe::drift {
namespace {

constexpr std::uint32_t kPermissions = 07777;

KindList one(Kind kind) {
  KindList kinds;
  kinds.add(kind);
  return kinds;
}

// Whether a difference from the image is what such an operation makes.
bool shown(Kind kind, const Difference& d) {
  if (d.unknown) return true;  // there is nothing to compare it with
  switch (kind) {
    case Kind::mode_change:
      return d.mode;
    case Kind::owner_change:
      return d.owner;
    case Kind::xattr_change:
      return d.xattr;
    case Kind::acl_change:
      return d.acl || d.mode;  // an ACL that a mode can hold is none
    case Kind::time_change:
      return d.time;
    default:
      return true;
  }
}

bool moved_on(Kind kind, const Former& before, const Entry& now) {
  switch (kind) {
    case Kind::mode_change:
      return before.mode != now.mode;
    case Kind::owner_change:
      return before.uid != now.uid || before.gid != now.gid;
    case Kind::time_change:
      return before.mtime != now.mtime;
    default:
      return true;
  }
}

KindList claimed(Kind kind, const Unsettled& operation, const Entry& now) {
  // Of two that undo each other both have done something.
  const bool mode_since =
      kind == Kind::mode_change &&
      (operation.mode & kPermissions) != (now.mode & kPermissions);
  if (mode_since) return one(kind);
  if (operation.before) {
    return moved_on(kind, *operation.before, now) ? one(kind) : KindList();
  }
  if (now.change == Change::added) return one(kind);
  // Of a directory that counts as it was, since its entries alone may have
  // moved its time, somebody was seen who set it.
  const bool time_set = kind == Kind::time_change && now.differs.time;
  if (now.change != Change::changed && !time_set) return {};
  return one(shown(kind, now.differs) ? kind : Kind::copy_up);
}

KindList by_state(const Unsettled& operation, const Entry& now) {
  if (operation.before) {
    KindList kinds;
    const Former& before = *operation.before;
    if (before.mode != now.mode) kinds.add(Kind::mode_change);
    if (before.uid != now.uid || before.gid != now.gid) {
      kinds.add(Kind::owner_change);
    }
    const bool moved = before.name != now.name || before.parent != now.parent;
    // Of one of several names that is taken away another is left: it may have
    // been given that since the look.
    const bool sole = before.links <= 1 && now.links <= 1 && !operation.linked;
    if (moved && sole) kinds.add(Kind::file_rename);
    const bool written = before.size != now.size || before.mtime != now.mtime;
    if (written && S_ISREG(now.mode)) kinds.add(Kind::file_write);
    // A name that came or went has a story of its own.
    if (!kinds.empty() || before.links != now.links) return kinds;
  }
  if (now.change == Change::added) {
    // It was made, by whom is known; what was done to it then is not.
    return one(operation.made || operation.before ? Kind::unknown_change
                                                  : create_kind(now.mode));
  }
  KindList kinds = observed_kinds(now);
  if (!operation.before) return kinds;
  for (const Kind kind : operation.before->kinds.list()) kinds.remove(kind);
  return kinds.empty() ? one(Kind::unknown_change) : kinds;
}

}  // namespace

Former::Former(const Entry& entry)
    : parent(entry.parent),
      name(entry.name),
      mode(entry.mode),
      uid(entry.uid),
      gid(entry.gid),
      links(entry.links),
      size(entry.size),
      mtime(entry.mtime),
      kinds(observed_kinds(entry)) {}

KindList effect(const Unsettled& operation, const Entry* now) {
  const auto kind = operation.about.kind;
  if (now == nullptr) return one(kind.value_or(Kind::unknown_change));
  if (kind) return claimed(*kind, operation, *now);
  return by_state(operation, *now);
}

void Beside::add(const Unsettled& operation, const Queue<Unsettled>& some) {
  const auto& mine = operation.about;
  for (const auto& one : some) {
    if (!same_inode(one.about.inode, mine.inode)) continue;
    if (one.about.kind) {
      known.add(*one.about.kind);
    } else {
      unknown = unknown || one.about.actor != mine.actor;
    }
  }
}

std::optional<Unsettled> UnsettledOperations::add(Unsettled operation) {
  std::optional<Unsettled> oldest;
  if (waiting_.size() >= kMax) {
    oldest = std::move(waiting_.front());
    waiting_.pop_front();
  }
  waiting_.push_back(std::move(operation));
  return oldest;
}

const Unsettled* UnsettledOperations::first(const InodeId& inode) const {
  const auto it = std::find_if(
      waiting_.begin(), waiting_.end(),
      [&](const auto& one) { return same_inode(one.about.inode, inode); });
  return it == waiting_.end() ? nullptr : &*it;
}

Queue<Unsettled> UnsettledOperations::take(
    std::uint64_t started, const std::function<bool(const InodeId&)>& pending) {
  Queue<Unsettled> due;
  Queue<Unsettled> rest;
  for (auto& operation : waiting_) {
    const auto& about = operation.about;
    const bool seen = about.boot_ns < started && !pending(about.parent);
    const bool late = about.boot_ns + kPatienceNs < started;
    (seen || late ? due : rest).push_back(std::move(operation));
  }
  waiting_ = std::move(rest);
  return due;
}

}  // namespace stillframe::drift
