// SPDX-License-Identifier: Apache-2.0
//
// Programs that run although the image does not hold them.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
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

const struct operation exec_operations[] = {
    {"exec_memfd", 1, "PROGRAM ARGUMENT…", exec_memfd},
    {"exec_deleted", 2, "PROGRAM PATH ARGUMENT…", exec_deleted},
    {"exec_file", 1, "PROGRAM ARGUMENT…", exec_file},
    {NULL, 0, NULL, NULL},
};
