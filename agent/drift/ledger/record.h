// SPDX-License-Identifier: Apache-2.0
//
// What the ledger holds of one changed thing: which kinds of change, when, how
// often and by whom. Kept small: there may be a hundred thousand.
#pragma once

#include <cstdint>
#include <string>

#include "agent/base/clock.h"
#include "agent/model/inode.h"
#include "agent/model/kind_list.h"

namespace stillframe::drift {

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
  std::uint64_t last_boot_ns = 0;  // of the newest observation; 0: before load
  std::uint32_t count = 0;
  std::uint32_t actors = 0;    // a set in the ActorTable
  std::uint16_t left_out = 0;  // actors that the set had no room for
  bool observed : 1 = false;   // by an event, not found by a scan
  bool live : 1 = false;       // by an event after the container began to run
  bool unsettled : 1 =
      false;  // of unknown operation: a scan has yet to show it
  bool first_exec : 1 = false;  // it was the container's first exec
  bool gone : 1 = false;  // unlinked: the inode may come back as another file
};

}  // namespace stillframe::drift
