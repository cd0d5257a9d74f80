// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "agent/model/observation.h"

namespace stillframe::sensors {

// What the kernel side noted of the system call in whose course an inode
// changed; see bpf/events.h.
struct SyscallNote {
  std::int32_t nr = -2;
  std::uint64_t arg = 0;
  std::uint32_t mode = 0;
  bool created = false;
  bool entries = false;
  bool compat = false;
  bool acl = false;
  bool direct = false;   // through the upper filesystem
  bool content = false;  // mtime moved with ctime
};

// The operation, by this architecture's system call table.
FileOp file_op(const SyscallNote& note);

// Whether a change through overlay under this call may be nothing but overlay
// refreshing its own inode after somebody else's mmap store: io_uring and what
// we do not know. (Of calls that copy from file to file the kernel side reports
// only the file that they write to.)
bool may_be_refresh(const SyscallNote& note);

}  // namespace stillframe::sensors
