// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/file_op.h"

#include <asm/unistd.h>
#include <linux/fs.h>
#include <sys/stat.h>

// Newer than Debian 12's headers: 6.6 and 6.13.
#ifndef __NR_fchmodat2
#define __NR_fchmodat2 452
#endif
#ifndef __NR_setxattrat
#define __NR_setxattrat 463
#endif
#ifndef __NR_removexattrat
#define __NR_removexattrat 466
#endif

namespace stillframe::sensors {
namespace {

constexpr std::int32_t kPageFault = -1;

FileOp ioctl_op(std::uint64_t command) {
  switch (command) {
    case FS_IOC_SETFLAGS:
    case FS_IOC32_SETFLAGS:
    case FS_IOC_FSSETXATTR:
      return FileOp::flags;
    case FICLONE:
    case FICLONERANGE:
    case FIDEDUPERANGE:
      return FileOp::write;
    default:
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

FileOp op_by_number(const SyscallNote& note) {
  if (note.compat) return note.created ? created_op(note) : FileOp::unknown;
  switch (note.nr) {
#ifdef __NR_open
    case __NR_open:
    case __NR_creat:
#endif
    case __NR_openat:
    case __NR_openat2:
      return open_op(note);
    case kPageFault:
    case __NR_write:
    case __NR_pwrite64:
    case __NR_writev:
    case __NR_pwritev:
    case __NR_pwritev2:
    case __NR_sendfile:
    case __NR_splice:
    case __NR_vmsplice:
    case __NR_copy_file_range:
    case __NR_fallocate:
    case __NR_io_submit:
    case __NR_process_vm_writev:
    case __NR_madvise:
    case __NR_msync:
      return FileOp::write;
    case __NR_truncate:
    case __NR_ftruncate:
      return FileOp::truncate;
#ifdef __NR_unlink
    case __NR_unlink:
      return FileOp::unlink;
    case __NR_rmdir:
      return FileOp::rmdir;
    case __NR_rename:
      return FileOp::rename;
    case __NR_link:
      return FileOp::link;
    case __NR_symlink:
      return FileOp::symlink;
    case __NR_mkdir:
      return FileOp::mkdir;
    case __NR_mknod:
      return FileOp::mknod;
    case __NR_chmod:
      return FileOp::chmod;
    case __NR_chown:
    case __NR_lchown:
      return FileOp::chown;
    case __NR_utime:
    case __NR_utimes:
    case __NR_futimesat:
      return FileOp::utimes;
#endif
    case __NR_unlinkat:
      return FileOp::unlink;
#ifdef __NR_renameat
    case __NR_renameat:
#endif
    case __NR_renameat2:
      return FileOp::rename;
    case __NR_linkat:
      return FileOp::link;
    case __NR_symlinkat:
      return FileOp::symlink;
    case __NR_mkdirat:
      return FileOp::mkdir;
    case __NR_mknodat:
    case __NR_bind:
      return FileOp::mknod;
    case __NR_fchmod:
    case __NR_fchmodat:
    case __NR_fchmodat2:
      return FileOp::chmod;
    case __NR_fchown:
    case __NR_fchownat:
      return FileOp::chown;
    case __NR_utimensat:
      return FileOp::utimes;
    case __NR_setxattr:
    case __NR_lsetxattr:
    case __NR_fsetxattr:
    case __NR_removexattr:
    case __NR_lremovexattr:
    case __NR_fremovexattr:
    case __NR_setxattrat:
    case __NR_removexattrat:
      return note.acl ? FileOp::acl : FileOp::xattr;
    case __NR_ioctl:
      return ioctl_op(note.arg);
    default:
      return note.created ? created_op(note) : FileOp::unknown;
  }
}

}  // namespace

FileOp file_op(const SyscallNote& note) {
  const FileOp op = op_by_number(note);
  if (note.entries && names_attributes(op)) return FileOp::open;
  // No call that says it: a fault on a mapping in the course of another call,
  // or io_uring. That the content changed can be seen all the same.
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
