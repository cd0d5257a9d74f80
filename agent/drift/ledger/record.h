// SPDX-License-Identifier: Apache-2.0
//
// What the ledger holds of one changed thing: which kinds of change, when, how
// often and by whom. Kept small: there may be a hundred thousand.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/model/inode.h"
#include "agent/model/words.h"

namespace stillframe::drift {

// A set of kinds that remembers the order in which the first ten came.
class KindList {
 public:
  bool add(Kind kind);  // false: it was there
  void add(const KindList& other);
  void remove(Kind kind);
  bool has(Kind kind) const { return (mask_ & bit(kind)) != 0; }
  bool has_class(Class mutation_class) const;
  bool empty() const { return mask_ == 0; }
  bool only(Kind kind) const { return mask_ == bit(kind); }
  std::vector<Kind> list() const;
  // The most severe one, by class; of one class, the earliest.
  Kind worst() const;
  bool operator==(const KindList&) const = default;

 private:
  static constexpr unsigned kKindBits = 6;
  static constexpr unsigned kRemembered = 10;
  static constexpr unsigned kCountAt = kKindBits * kRemembered;

  static constexpr std::uint64_t bit(Kind kind) {
    return std::uint64_t{1} << static_cast<unsigned>(kind);
  }
  unsigned remembered() const {
    return static_cast<unsigned>(order_ >> kCountAt);
  }
  std::uint64_t mask_ = 0;
  // Six bits each, the first kind in the lowest; above them, how many there
  // are.
  std::uint64_t order_ = 0;
};
static_assert(kKindNames.size() <= 64);

// Of two classes the more severe one counts: code > kernel > memory > mounts >
// limits > content > metadata.
int severity(Class mutation_class);

// Three sorts of key. An upper inode: `inode` alone. A place that holds no
// inode of its own (a whiteout): the parent's inode and the name. Something
// with no place in the tree (memfd:x, /proc/sys/…): no inode, and `name`.
struct RecordKey {
  InodeId inode;
  std::string name;

  static RecordKey of_inode(const InodeId& inode) { return {inode, {}}; }
  static RecordKey of_place(const InodeId& parent, std::string name) {
    return {parent, std::move(name)};
  }
  static RecordKey of_path(std::string path) { return {{}, std::move(path)}; }
};

struct Record {
  KindList kinds;
  WallTime first_seen;
  WallTime last_seen;
  // Until when its ctime moved with what was no change of it: other names that
  // came or went, calls that left it as it was. 0: never.
  WallTime touched;
  std::uint64_t last_boot_ns = 0;  // of the newest observation; 0: before load
  std::uint32_t count = 0;
  std::uint32_t actors = 0;  // a set in the ActorTable
  bool observed = false;     // by an event, not found by a scan
  bool live = false;         // by an event after the container began to run
  bool unsettled = false;    // of unknown operation: a scan has yet to show it
  bool first_exec = false;   // it was the container's first exec
  bool gone = false;  // unlinked: the inode may come back as another file
  std::uint16_t left_out = 0;  // actors that the set had no room for
};

}  // namespace stillframe::drift
