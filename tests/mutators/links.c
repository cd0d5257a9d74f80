// SPDX-License-Identifier: Apache-2.0
//
// Changes of directory entries.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "mutate.h"

static int done_or_failed(int result, const char* call) {
  return result < 0 ? failed(call) : kDone;
}

static int do_rename(int argc, char** argv) {
  (void)argc;
  return done_or_failed(rename(argv[0], argv[1]), "rename");
}

static int rename_twice(int argc, char** argv) {
  (void)argc;
  if (rename(argv[0], argv[1]) < 0) return failed("rename");
  return done_or_failed(rename(argv[1], argv[2]), "rename");
}

// The whole of a package manager's habit: the new content under another name,
// then over the old one.
static int rename_over(int argc, char** argv) {
  (void)argc;
  char temporary[4096];
  snprintf(temporary, sizeof(temporary), "%s.new", argv[0]);
  int fd = open_or_exit(temporary, O_WRONLY | O_CREAT | O_EXCL);
  if (write(fd, kPayload, kPayloadSize) < 0) return failed("write");
  return done_or_failed(rename(temporary, argv[0]), "rename");
}

static int rename_exchange(int argc, char** argv) {
  (void)argc;
  int result = renameat2(AT_FDCWD, argv[0], AT_FDCWD, argv[1], RENAME_EXCHANGE);
  if (result < 0 && errno == EINVAL) return unsupported("RENAME_EXCHANGE");
  return done_or_failed(result, "renameat2");
}

static int do_unlink(int argc, char** argv) {
  (void)argc;
  return done_or_failed(unlink(argv[0]), "unlink");
}

static int do_rmdir(int argc, char** argv) {
  (void)argc;
  return done_or_failed(rmdir(argv[0]), "rmdir");
}

static int do_mkdir(int argc, char** argv) {
  (void)argc;
  return done_or_failed(mkdir(argv[0], 0755), "mkdir");
}

static int remove_entry(const char* path, const struct stat* status, int type,
                        struct FTW* place) {
  (void)status;
  (void)type;
  (void)place;
  return remove(path);
}

static int remove_tree(int argc, char** argv) {
  (void)argc;
  return done_or_failed(nftw(argv[0], remove_entry, 16, FTW_DEPTH | FTW_PHYS),
                        "nftw");
}

// A directory that is removed and made again hides all that the image has
// below it.
static int opaque_dir(int argc, char** argv) {
  int outcome = remove_tree(argc, argv);
  return outcome == kDone ? do_mkdir(argc, argv) : outcome;
}

static int do_link(int argc, char** argv) {
  (void)argc;
  return done_or_failed(link(argv[0], argv[1]), "link");
}

static int do_symlink(int argc, char** argv) {
  (void)argc;
  return done_or_failed(symlink(argv[0], argv[1]), "symlink");
}

static int symlink_swap(int argc, char** argv) {
  (void)argc;
  char temporary[4096];
  snprintf(temporary, sizeof(temporary), "%s.new", argv[1]);
  if (symlink(argv[0], temporary) < 0) return failed("symlink");
  return done_or_failed(rename(temporary, argv[1]), "rename");
}

static int o_tmpfile_link(int argc, char** argv) {
  (void)argc;
  int fd = open(argv[0], O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
  if (fd < 0) return failed("open O_TMPFILE");
  if (write(fd, kPayload, kPayloadSize) < 0) return failed("write");
  char path[64];
  snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
  return done_or_failed(
      linkat(AT_FDCWD, path, AT_FDCWD, argv[1], AT_SYMLINK_FOLLOW), "linkat");
}

// Written, and gone without ever having had a name.
static int o_tmpfile(int argc, char** argv) {
  (void)argc;
  int fd = open(argv[0], O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
  if (fd < 0) return failed("open O_TMPFILE");
  if (write(fd, kPayload, kPayloadSize) < 0) return failed("write");
  return done_or_failed(fchmod(fd, 0600), "fchmod");
}

static int do_mkfifo(int argc, char** argv) {
  (void)argc;
  return done_or_failed(mkfifo(argv[0], 0644), "mkfifo");
}

// The device of /dev/null; never 0:0, which is overlayfs' own whiteout.
static int mknod_char(int argc, char** argv) {
  (void)argc;
  return done_or_failed(mknod(argv[0], S_IFCHR | 0666, makedev(1, 3)), "mknod");
}

static int mknod_file(int argc, char** argv) {
  (void)argc;
  return done_or_failed(mknod(argv[0], S_IFREG | 0644, 0), "mknod");
}

// Bound by its last component: whole paths are often too long for an address.
static int bind_socket(int argc, char** argv) {
  (void)argc;
  char* slash = strrchr(argv[0], '/');
  const char* name = slash ? slash + 1 : argv[0];
  if (slash) {
    *slash = '\0';
    if (chdir(argv[0]) < 0) return failed("chdir");
  }
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return failed("socket");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(name) >= sizeof(address.sun_path)) {
    errno = ENAMETOOLONG;
    return failed("bind");
  }
  strcpy(address.sun_path, name);
  return done_or_failed(bind(fd, (struct sockaddr*)&address, sizeof(address)),
                        "bind");
}

const struct operation link_operations[] = {
    {"rename", 2, "FROM TO", do_rename},
    {"rename_twice", 3, "FROM OVER TO", rename_twice},
    {"rename_over", 1, "FILE", rename_over},
    {"rename_exchange", 2, "FILE FILE", rename_exchange},
    {"unlink", 1, "FILE", do_unlink},
    {"rmdir", 1, "DIRECTORY", do_rmdir},
    {"mkdir", 1, "DIRECTORY", do_mkdir},
    {"remove_tree", 1, "DIRECTORY", remove_tree},
    {"opaque_dir", 1, "DIRECTORY", opaque_dir},
    {"link", 2, "FILE NAME", do_link},
    {"symlink", 2, "TARGET NAME", do_symlink},
    {"symlink_swap", 2, "TARGET LINK", symlink_swap},
    {"o_tmpfile_link", 2, "DIRECTORY NAME", o_tmpfile_link},
    {"o_tmpfile", 1, "DIRECTORY", o_tmpfile},
    {"mkfifo", 1, "NAME", do_mkfifo},
    {"mknod_char", 1, "NAME", mknod_char},
    {"mknod_file", 1, "NAME", mknod_file},
    {"bind_socket", 1, "NAME", bind_socket},
    {NULL, 0, NULL, NULL},
};
