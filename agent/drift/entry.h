// SPDX-License-Identifier: Apache-2.0
//
// What a scan of an upper directory says: the truth about a rootfs, as data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/model/inode.h"
#include "agent/model/mutation.h"

namespace stillframe::drift {

// How an upper file differs from the one that the lower layers show there.
struct Difference {
  bool type = false;      // became another type of file
  bool content = false;   // bytes (of a symlink: target; of a device: number)
  bool mode = false;
  bool owner = false;
  bool xattr = false;     // user-visible extended attributes, ACLs aside
  bool acl = false;
  bool time = false;      // mtime
  bool opaque = false;    // a directory that hides all below it
  bool any_metadata() const { return mode || owner || xattr || acl; }
};

// One entry of the upper directory.
struct Entry {
  InodeId inode;
  InodeId parent;            // none for the root itself
  std::string name;          // empty for the root itself
  std::uint32_t mode = 0;    // st_mode; of a whiteout: that of what it hides
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t links = 0;
  std::uint64_t size = 0;
  WallTime mtime;
  WallTime ctime;            // of the upper inode: cannot be set back
  bool whiteout = false;
  // Against the lower layers. `none`: a directory that is in the upper only
  // because something below it changed (the directory itself is equal).
  Change change = Change::none;
  Difference differs;        // meaningful for Change::changed
  std::string redirect;      // trusted.overlay.redirect: its former path
  bool metacopy = false;     // content still in the lower layer
  // The line that the container's own tool prints for this path; `oracle_also`
  // is a second one (an opaque directory: D and, in some cases, A).
  Change oracle = Change::none;
  bool directory() const { return (mode & 0170000u) == 0040000u; }
};

struct ScanResult {
  InodeId root;
  std::vector<Entry> entries;    // parents before children; [0] is the root
  std::vector<std::string> errors;  // what could not be read, and why
  bool complete = true;          // false: limits reached or something unreadable
  std::uint64_t started_boot_ns = 0;
  std::uint64_t duration_ns = 0;
};

}  // namespace stillframe::drift
