// SPDX-License-Identifier: Apache-2.0
//
// Ways to change what is mounted, and devices.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "mutate.h"

// Since 5.2 and 5.12; the C library and its headers may be older.
#ifndef SYS_move_mount
#define SYS_move_mount 429
#endif
#ifndef SYS_open_tree
#define SYS_open_tree 428
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
struct attributes {  // struct mount_attr of linux/mount.h
  uint64_t set;
  uint64_t clear;
  uint64_t propagation;
  uint64_t userns_fd;
};
enum { kOpenTreeClone = 1, kMoveFromEmptyPath = 4, kAttributeReadOnly = 1 };

static int mount_tmpfs(int argc, char** argv) {
  (void)argc;
  return mount("tmpfs", argv[0], "tmpfs", MS_NODEV, "size=64k") < 0
             ? failed("mount")
             : kDone;
}

static int mount_bind(int argc, char** argv) {
  (void)argc;
  return mount(argv[0], argv[1], NULL, MS_BIND, NULL) < 0 ? failed("mount")
                                                          : kDone;
}

static int remount_ro(int argc, char** argv) {
  (void)argc;
  return mount(NULL, argv[0], NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0
             ? failed("mount")
             : kDone;
}

static int unmount(int argc, char** argv) {
  (void)argc;
  return umount2(argv[0], MNT_DETACH) < 0 ? failed("umount2") : kDone;
}

static int move(int argc, char** argv) {
  (void)argc;
  return mount(argv[0], argv[1], NULL, MS_MOVE, NULL) < 0 ? failed("mount")
                                                          : kDone;
}

// By the newer system calls: a copy of a mount, put elsewhere.
static int mount_tree(int argc, char** argv) {
  (void)argc;
  int tree = (int)syscall(SYS_open_tree, AT_FDCWD, argv[0], kOpenTreeClone);
  if (tree < 0) return failed("open_tree");
  if (syscall(SYS_move_mount, tree, "", AT_FDCWD, argv[1], kMoveFromEmptyPath) <
      0) {
    return failed("move_mount");
  }
  return kDone;
}

static int setattr_ro(int argc, char** argv) {
  (void)argc;
  struct attributes attributes = {.set = kAttributeReadOnly};
  if (syscall(SYS_mount_setattr, AT_FDCWD, argv[0], 0, &attributes,
              sizeof(attributes)) < 0) {
    return failed("mount_setattr");
  }
  return kDone;
}

// In a mount namespace of its own: the container's mounts stay as they are.
static int mount_aside(int argc, char** argv) {
  if (unshare(CLONE_NEWNS) < 0) return failed("unshare");
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
    return failed("mount");
  }
  return mount_tmpfs(argc, argv);
}

static int device_make(int argc, char** argv) {
  (void)argc;
  dev_t device = makedev((unsigned)strtoul(argv[1], NULL, 10),
                         (unsigned)strtoul(argv[2], NULL, 10));
  return mknod(argv[0], S_IFBLK | 0600, device) < 0 ? failed("mknod") : kDone;
}

// Opens a device, as whoever would write to it or read from it.
static int device_write(int argc, char** argv) {
  (void)argc;
  close(open_or_exit(argv[0], O_WRONLY));
  return kDone;
}

static int device_read(int argc, char** argv) {
  (void)argc;
  close(open_or_exit(argv[0], O_RDONLY));
  return kDone;
}

const struct operation mount_operations[] = {
    {"mount_tmpfs", 1, "DIRECTORY", mount_tmpfs},
    {"mount_bind", 2, "FROM TO", mount_bind},
    {"mount_tree", 2, "FROM TO", mount_tree},
    {"remount_ro", 1, "MOUNT", remount_ro},
    {"mount_setattr_ro", 1, "MOUNT", setattr_ro},
    {"move_mount", 2, "FROM TO", move},
    {"umount", 1, "MOUNT", unmount},
    {"mount_aside", 1, "DIRECTORY", mount_aside},
    {"device_make", 3, "NAME MAJOR MINOR", device_make},
    {"device_write", 1, "DEVICE", device_write},
    {"device_read", 1, "DEVICE", device_read},
    {NULL, 0, NULL, NULL},
};
