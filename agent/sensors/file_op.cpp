// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/file_op.h"

#include <linux/fs.h>
#include <sys/stat.h>

#include <utility>

#include "bpf/events.h"
#include "bpf/syscall_table.h"

namespace stillframe::sensors {
namespace {

constexpr std::pair<long, FileOp> kOps[] = {
#define STILLFRAME_OP(name, changes, op, entry) {__NR_##name, FileOp::op},
    SF_SYSCALLS(STILLFRAME_OP)
#undef STILLFRAME_OP
};

FileOp ioctl_op(std::uint64_t command) {
  switch (command) {
    case FS_IOC_SETFLAGS:
    case FS_IOC32_SETFLAGS:
    case FS_IOC_FSSETXATTR:
      return FileOp::flags;
    case FICLONE:
    case FICLONERANGE:
      return FileOp::write;
    default:  // FIDEDUPERANGE among them, which changes no content
      return FileOp::unknown;
  }
}

FileOp open_op(const SyscallNote& note) {
  if (note.created) return FileOp::create;
  // A directory changes when something was copied up or made in it; a file
  // that was there changes at open only by O_TRUNC.
  return note.entries ? FileOp::open : FileOp::truncate;
}

FileOp created_op(const SyscallNote& note) {
  if (S_ISDIR(note.mode)) return FileOp::mkdir;
  if (S_ISLNK(note.mode)) return FileOp::symlink;
  return S_ISREG(note.mode) ? FileOp::create : FileOp::mknod;
}

// Calls that change nothing but the inode they name. A directory entry changes
// in their course only because the file had to be copied up first.
bool names_attributes(FileOp op) {
  switch (op) {
    case FileOp::chmod:
    case FileOp::chown:
    case FileOp::xattr:
    case FileOp::acl:
    case FileOp::flags:
    case FileOp::utimes:
    case FileOp::truncate:
    case FileOp::write:
      return true;
    default:
      return false;
  }
}

// What the table says of a system call, made exact by what came with it.
FileOp refined(FileOp op, const SyscallNote& note) {
  switch (op) {
    case FileOp::open:
      return open_op(note);
    case FileOp::flags:
      return ioctl_op(note.arg);
    case FileOp::xattr:
      return note.acl ? FileOp::acl : FileOp::xattr;
    case FileOp::unknown:
      return note.created ? created_op(note) : FileOp::unknown;
    default:
      return op;
  }
}

FileOp op_by_number(const SyscallNote& note) {
  // Numbers of 32-bit calls are others.
  if (note.compat) return refined(FileOp::unknown, note);
  if (note.nr == SF_NR_PAGE_FAULT) return FileOp::write;
  for (const auto& [number, op] : kOps) {
    if (number == note.nr) return refined(op, note);
  }
  return refined(FileOp::unknown, note);
}

}  // namespace

FileOp file_op(const SyscallNote& note) {
  const FileOp op = op_by_number(note);
  if (note.entries && names_attributes(op)) return FileOp::open;
  // No call that says it: a fault on a mapping in the course of another call,
  // or io_uring. That the content changed can be seen anyway.
  if (op == FileOp::unknown && S_ISREG(note.mode) &&
      (note.direct || note.content)) {
    return FileOp::write;
  }
  return op;
}

bool may_be_refresh(const SyscallNote& note) {
  if (note.created || note.entries) return false;
  if (note.compat) return true;
  return op_by_number(note) == FileOp::unknown;
}

}  // namespace stillframe::sensors
