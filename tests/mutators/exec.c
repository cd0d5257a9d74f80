// SPDX-License-Identifier: Apache-2.0
//
// Programs that run although the image does not hold them.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mutate.h"

extern char** environ;

static int copy(int from, int to) {
  struct stat status;
  if (fstat(from, &status) < 0) return failed("fstat");
  for (off_t left = status.st_size; left > 0;) {
    ssize_t sent = sendfile(to, from, NULL, (size_t)left);
    if (sent <= 0) return failed("sendfile");
    left -= sent;
  }
  return kDone;
}

static int exec_memfd(int argc, char** argv) {
  (void)argc;
  int from = open_or_exit(argv[0], O_RDONLY);
  int fd = memfd_create("program", MFD_CLOEXEC);
  if (fd < 0) return failed("memfd_create");
  int outcome = copy(from, fd);
  if (outcome != kDone) return outcome;
  fexecve(fd, argv, environ);
  return failed("fexecve");
}

// Copies PROGRAM to PATH, unlinks PATH and runs what is left of it.
static int exec_deleted(int argc, char** argv) {
  (void)argc;
  int from = open_or_exit(argv[0], O_RDONLY);
  int to = open(argv[1], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
  if (to < 0) return failed(argv[1]);
  int outcome = copy(from, to);
  if (outcome != kDone) return outcome;
  // A file that is open for writing cannot be run.
  int program = open_or_exit(argv[1], O_RDONLY);
  close(to);
  if (unlink(argv[1]) < 0) return failed("unlink");
  fexecve(program, argv + 1, environ);
  return failed("fexecve");
}

static int exec_file(int argc, char** argv) {
  (void)argc;
  execv(argv[0], argv);
  return failed("execv");
}

static int in_root(const char* directory, char** program) {
  if (chroot(directory) < 0) return failed("chroot");
  if (chdir("/") < 0) return failed("chdir");
  execv(program[0], program);
  return failed("execv");
}

// PROGRAM is a path in DIRECTORY.
static int exec_chroot(int argc, char** argv) {
  (void)argc;
  return in_root(argv[0], argv + 1);
}

static int write_once(const char* path, const char* text) {
  int fd = open_or_exit(path, O_WRONLY | O_CLOEXEC);
  ssize_t written = write(fd, text, strlen(text));
  close(fd);
  return written < 0 ? failed(path) : kDone;
}

// Whoever is somebody there becomes root in a user namespace of its own.
static int own_namespaces(void) {
  unsigned uid = getuid();
  unsigned gid = getgid();
  char map[64];
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) return failed("unshare");
  int outcome = write_once("/proc/self/setgroups", "deny");
  snprintf(map, sizeof map, "0 %u 1", uid);
  if (outcome == kDone) outcome = write_once("/proc/self/uid_map", map);
  snprintf(map, sizeof map, "0 %u 1", gid);
  if (outcome == kDone) outcome = write_once("/proc/self/gid_map", map);
  if (outcome != kDone) return outcome;
  return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0
             ? failed("mount")
             : kDone;
}

// Runs PROGRAM, a path in LOWER, from an overlay of its own at POINT. LOWER is
// two directories, joined by a colon.
static int exec_in_overlay(int argc, char** argv) {
  (void)argc;
  char options[512];
  int outcome = own_namespaces();
  if (outcome != kDone) return outcome;
  snprintf(options, sizeof options, "lowerdir=%s,userxattr", argv[0]);
  if (mount("overlay", argv[1], "overlay", 0, options) < 0)
    return failed("mount");
  return in_root(argv[1], argv + 2);
}

// Runs PROGRAM as root of a user namespace, with mounts of its own.
static int exec_userns(int argc, char** argv) {
  (void)argc;
  int outcome = own_namespaces();
  if (outcome != kDone) return outcome;
  execv(argv[0], argv);
  return failed("execv");
}

const struct operation exec_operations[] = {
    {"exec_memfd", 1, "PROGRAM ARGUMENT…", exec_memfd},
    {"exec_deleted", 2, "PROGRAM PATH ARGUMENT…", exec_deleted},
    {"exec_file", 1, "PROGRAM ARGUMENT…", exec_file},
    {"exec_chroot", 2, "DIRECTORY PROGRAM ARGUMENT…", exec_chroot},
    {"exec_userns", 1, "PROGRAM ARGUMENT…", exec_userns},
    {"exec_in_overlay", 3, "LOWER POINT PROGRAM ARGUMENT…", exec_in_overlay},
    {NULL, 0, NULL, NULL},
};
