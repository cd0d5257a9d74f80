// SPDX-License-Identifier: Apache-2.0
//
// Changes of what is known about a file, not of its bytes.
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "mutate.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452  // Linux 6.6
#endif
#ifndef SYS_setxattrat
#define SYS_setxattrat 463  // Linux 6.13
#endif

enum { kNewMode = 0751, kNewOwner = 4711 };

static int done_or_failed(long result, const char* call) {
  return result < 0 ? failed(call) : kDone;
}

static int do_chmod(int argc, char** argv) {
  (void)argc;
  return done_or_failed(chmod(argv[0], kNewMode), "chmod");
}

static int do_fchmod(int argc, char** argv) {
  (void)argc;
  int fd = open_or_exit(argv[0], O_RDONLY);
  return done_or_failed(fchmod(fd, kNewMode), "fchmod");
}

static int fchmodat2(int argc, char** argv) {
  (void)argc;
  return done_or_failed(
      syscall(SYS_fchmodat2, AT_FDCWD, argv[0], kNewMode, AT_SYMLINK_NOFOLLOW),
      "fchmodat2");
}

static int do_chown(int argc, char** argv) {
  (void)argc;
  return done_or_failed(chown(argv[0], kNewOwner, kNewOwner), "chown");
}

static int do_lchown(int argc, char** argv) {
  (void)argc;
  return done_or_failed(lchown(argv[0], kNewOwner, kNewOwner), "lchown");
}

static int do_fchown(int argc, char** argv) {
  (void)argc;
  int fd = open_or_exit(argv[0], O_RDONLY);
  return done_or_failed(fchown(fd, kNewOwner, kNewOwner), "fchown");
}

static int do_utimensat(int argc, char** argv) {
  (void)argc;
  const struct timespec times[2] = {{.tv_sec = 1000000000},
                                    {.tv_sec = 1000000000}};
  return done_or_failed(
      utimensat(AT_FDCWD, argv[0], times, AT_SYMLINK_NOFOLLOW), "utimensat");
}

static int setxattr_user(int argc, char** argv) {
  (void)argc;
  return done_or_failed(
      setxattr(argv[0], "user.stillframe", kPayload, kPayloadSize, 0),
      "setxattr");
}

static int removexattr_user(int argc, char** argv) {
  (void)argc;
  return done_or_failed(removexattr(argv[0], "user.image"), "removexattr");
}

static int setxattr_capability(int argc, char** argv) {
  (void)argc;
  struct vfs_cap_data capability = {
      .magic_etc = htole32(VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE),
      .data[0].permitted = htole32(1u << CAP_NET_RAW)};
  return done_or_failed(setxattr(argv[0], "security.capability", &capability,
                                 sizeof(capability), 0),
                        "setxattr");
}

static int setxattr_at(int argc, char** argv) {
  (void)argc;
  struct {
    uint64_t value;
    uint32_t size;
    uint32_t flags;
  } args = {.value = (uintptr_t)kPayload, .size = (uint32_t)kPayloadSize};
  return done_or_failed(syscall(SYS_setxattrat, AT_FDCWD, argv[0], 0,
                                "user.stillframe", &args, sizeof(args)),
                        "setxattrat");
}

static int set_acl(int argc, char** argv) {
  (void)argc;
  struct {
    struct posix_acl_xattr_header header;
    struct posix_acl_xattr_entry entries[5];
  } acl = {
      .header.a_version = htole32(POSIX_ACL_XATTR_VERSION),
      .entries = {
          {htole16(ACL_USER_OBJ), htole16(6),
           htole32((uint32_t)ACL_UNDEFINED_ID)},
          {htole16(ACL_USER), htole16(6), htole32(kNewOwner)},
          {htole16(ACL_GROUP_OBJ), htole16(4),
           htole32((uint32_t)ACL_UNDEFINED_ID)},
          {htole16(ACL_MASK), htole16(6), htole32((uint32_t)ACL_UNDEFINED_ID)},
          {htole16(ACL_OTHER), htole16(4), htole32((uint32_t)ACL_UNDEFINED_ID)},
      }};
  return done_or_failed(
      setxattr(argv[0], "system.posix_acl_access", &acl, sizeof(acl), 0),
      "setxattr");
}

// What leaves a file as it was.

static int chmod_same(int argc, char** argv) {
  (void)argc;
  struct stat now;
  if (stat(argv[0], &now) < 0) return failed("stat");
  return done_or_failed(chmod(argv[0], now.st_mode & 07777), "chmod");
}

static int chown_same(int argc, char** argv) {
  (void)argc;
  struct stat now;
  if (stat(argv[0], &now) < 0) return failed("stat");
  return done_or_failed(chown(argv[0], now.st_uid, now.st_gid), "chown");
}

static int utimensat_same(int argc, char** argv) {
  (void)argc;
  struct stat now;
  if (stat(argv[0], &now) < 0) return failed("stat");
  const struct timespec times[2] = {now.st_atim, now.st_mtim};
  return done_or_failed(utimensat(AT_FDCWD, argv[0], times, 0), "utimensat");
}

static int setxattr_refused(int argc, char** argv) {
  (void)argc;
  int result = setxattr(argv[0], "user.never-there", kPayload, kPayloadSize,
                        XATTR_REPLACE);
  if (result < 0 && errno == ENODATA) return kDone;
  return result < 0 ? failed("setxattr") : kFailed;
}

static int change_flags(const char* path, int flag) {
  int fd = open_or_exit(path, O_RDONLY);
  int flags;
  if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0) return failed("FS_IOC_GETFLAGS");
  flags ^= flag;
  return done_or_failed(ioctl(fd, FS_IOC_SETFLAGS, &flags), "FS_IOC_SETFLAGS");
}

static int setflags_noatime(int argc, char** argv) {
  (void)argc;
  return change_flags(argv[0], FS_NOATIME_FL);
}

// Sets the flag and takes it off again: an immutable file could not be removed
// with its container.
static int setflags_immutable(int argc, char** argv) {
  (void)argc;
  int outcome = change_flags(argv[0], FS_IMMUTABLE_FL);
  return outcome == kDone ? change_flags(argv[0], FS_IMMUTABLE_FL) : outcome;
}

const struct operation metadata_operations[] = {
    {"chmod", 1, "FILE", do_chmod},
    {"fchmod", 1, "FILE", do_fchmod},
    {"fchmodat2", 1, "FILE", fchmodat2},
    {"chown", 1, "FILE", do_chown},
    {"lchown", 1, "FILE", do_lchown},
    {"fchown", 1, "FILE", do_fchown},
    {"utimensat", 1, "FILE", do_utimensat},
    {"setxattr_user", 1, "FILE", setxattr_user},
    {"removexattr_user", 1, "FILE", removexattr_user},
    {"setxattr_capability", 1, "FILE", setxattr_capability},
    {"setxattrat", 1, "FILE", setxattr_at},
    {"set_acl", 1, "FILE", set_acl},
    {"chmod_same", 1, "FILE", chmod_same},
    {"chown_same", 1, "FILE", chown_same},
    {"utimensat_same", 1, "FILE", utimensat_same},
    {"setxattr_refused", 1, "FILE", setxattr_refused},
    {"setflags_noatime", 1, "FILE", setflags_noatime},
    {"setflags_immutable", 1, "FILE", setflags_immutable},
    {NULL, 0, NULL, NULL},
};
