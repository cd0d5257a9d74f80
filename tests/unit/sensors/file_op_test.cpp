// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/file_op.h"

#include <asm/unistd.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/stat.h>

namespace stillframe::sensors::test {
namespace {

struct Case {
  const char* what;
  SyscallNote note;
  FileOp op;
  bool refresh;
};

TEST(FileOp, FollowsTheSystemCall) {
  const Case cases[] = {
      {"page fault", {.nr = -1}, FileOp::write, false},
      {"io_uring worker", {.nr = -2}, FileOp::unknown, true},
      {"io_uring_enter", {.nr = __NR_io_uring_enter}, FileOp::unknown, true},
      {"write", {.nr = __NR_write}, FileOp::write, false},
      {"sendfile", {.nr = __NR_sendfile}, FileOp::write, false},
      {"splice", {.nr = __NR_splice}, FileOp::write, false},
      {"O_TRUNC", {.nr = __NR_openat}, FileOp::truncate, false},
      {"O_CREAT",
       {.nr = __NR_openat, .mode = S_IFREG, .created = true},
       FileOp::create,
       false},
      {"copy-up by open",
       {.nr = __NR_openat, .mode = S_IFDIR, .entries = true},
       FileOp::open,
       false},
      {"copy-up by chmod",
       {.nr = __NR_fchmodat, .mode = S_IFDIR, .entries = true},
       FileOp::open,
       false},
      {"unlink in a directory",
       {.nr = __NR_unlinkat, .mode = S_IFDIR, .entries = true},
       FileOp::unlink,
       false},
      {"chmod", {.nr = __NR_fchmodat}, FileOp::chmod, false},
      {"chown", {.nr = __NR_fchownat}, FileOp::chown, false},
      {"setxattr", {.nr = __NR_setxattr}, FileOp::xattr, false},
      {"setfacl", {.nr = __NR_setxattr, .acl = true}, FileOp::acl, false},
      {"chattr",
       {.nr = __NR_ioctl, .arg = FS_IOC_SETFLAGS},
       FileOp::flags,
       false},
      {"dedupe",
       {.nr = __NR_ioctl, .arg = FIDEDUPERANGE, .mode = S_IFREG},
       FileOp::unknown,
       true},
      {"fault in another call",
       {.nr = __NR_read, .mode = S_IFREG, .direct = true},
       FileOp::write,
       true},
      {"io_uring that wrote",
       {.nr = __NR_io_uring_enter, .mode = S_IFREG, .content = true},
       FileOp::write,
       true},
      {"reflink", {.nr = __NR_ioctl, .arg = FICLONE}, FileOp::write, false},
      {"socket",
       {.nr = __NR_bind, .mode = S_IFSOCK, .created = true},
       FileOp::mknod,
       false},
      {"32-bit call",
       {.nr = __NR_chmod, .compat = true},
       FileOp::unknown,
       true},
      {"32-bit mkdir",
       {.nr = 39, .mode = S_IFDIR, .created = true, .compat = true},
       FileOp::mkdir,
       false},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(file_op(c.note), c.op) << c.what;
    EXPECT_EQ(may_be_refresh(c.note), c.refresh) << c.what;
  }
}

}  // namespace
}  // namespace stillframe::sensors::test
