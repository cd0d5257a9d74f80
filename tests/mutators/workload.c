// SPDX-License-Identifier: Apache-2.0
//
// Whole workloads: floods, orphans, odd names, and one that changes nothing.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "mutate.h"

static int burst(int argc, char** argv) {
  (void)argc;
  long count = strtol(argv[1], NULL, 10);
  int directory = open_or_exit(argv[0], O_RDONLY | O_DIRECTORY);
  for (long i = 0; i < count; ++i) {
    char name[32];
    snprintf(name, sizeof(name), "b%06ld", i);
    int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (fd < 0) return failed(name);
    close(fd);
  }
  return kDone;
}

// One file with so many names.
static int link_burst(int argc, char** argv) {
  (void)argc;
  long count = strtol(argv[1], NULL, 10);
  int directory = open_or_exit(argv[0], O_RDONLY | O_DIRECTORY);
  int fd = openat(directory, "l", O_WRONLY | O_CREAT | O_EXCL, 0644);
  if (fd < 0) return failed("l");
  close(fd);
  for (long i = 1; i < count; ++i) {
    char name[32];
    snprintf(name, sizeof(name), "l%06ld", i);
    if (linkat(directory, "l", directory, name, 0) < 0) return failed(name);
  }
  return kDone;
}

static int append_payload(const char* path) {
  int fd = open_or_exit(path, O_WRONLY | O_CREAT | O_APPEND);
  return write(fd, kPayload, kPayloadSize) < 0 ? failed("write") : kDone;
}

// Writes from a process whose parents are gone and whose session is its own.
static int orphan(int argc, char** argv) {
  (void)argc;
  int alive[2];
  if (pipe2(alive, O_CLOEXEC) < 0) return failed("pipe2");
  pid_t child = fork();
  if (child < 0) return failed("fork");
  if (child == 0) {
    setsid();
    pid_t starter = getpid();
    pid_t grandchild = fork();
    if (grandchild != 0) _exit(grandchild < 0 ? kFailed : kDone);
    while (getppid() == starter) sched_yield();
    close(alive[0]);
    _exit(append_payload(argv[0]));
  }
  close(alive[1]);
  int status;
  if (waitpid(child, &status, 0) < 0) return failed("waitpid");
  char byte;
  while (read(alive[0], &byte, 1) > 0) continue;  // ends when the orphan does
  return WIFEXITED(status) ? WEXITSTATUS(status) : kFailed;
}

// Forks COUNT processes that stay until all are killed. The last of them writes
// DIRECTORY/child; then a shell does that it has left an orphan:
// DIRECTORY/orphan.
static int crowd(int argc, char** argv) {
  (void)argc;
  long count = strtol(argv[0], NULL, 10);
  if (chdir(argv[1]) < 0) return failed("chdir");
  for (long i = 0; i < count; ++i) {
    pid_t child = fork();
    if (child < 0) return failed("fork");
    if (child != 0) continue;
    if (i < count - 1) {
      for (;;) pause();
    }
    append_payload("child");
    pid_t starter = fork();
    if (starter == 0) {
      pid_t itself = getpid();
      if (fork() != 0) _exit(kDone);
      while (getppid() == itself) sched_yield();
      execl("/bin/sh", "sh", "-c", "echo >orphan", (char*)NULL);
      _exit(kFailed);
    }
    waitpid(starter, NULL, 0);
    for (;;) pause();
  }
  for (;;) pause();
}

static int write_as(int argc, char** argv) {
  (void)argc;
  if (prctl(PR_SET_NAME, argv[0]) < 0) return failed("prctl");
  return append_payload(argv[1]);
}

static int run(const char* program) {
  pid_t child = fork();
  if (child < 0) return failed("fork");
  if (child == 0) {
    execl(program, program, "true", (char*)NULL);
    _exit(kFailed);
  }
  int status;
  if (waitpid(child, &status, 0) < 0) return failed("waitpid");
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? kDone : kFailed;
}

static int read_file(const char* path, const struct stat* status, int type,
                     struct FTW* place) {
  (void)place;
  if (type != FTW_F || !S_ISREG(status->st_mode)) return 0;
  int fd = open_or_exit(path, O_RDONLY);
  char buffer[4096];
  while (read(fd, buffer, sizeof(buffer)) > 0) continue;
  if (status->st_size > 0) {
    char* mapping =
        mmap(NULL, (size_t)status->st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (mapping == MAP_FAILED) return -1;
    (void)*(volatile char*)mapping;
    munmap(mapping, (size_t)status->st_size);
  }
  listxattr(path, buffer, sizeof(buffer));
  if (access(path, R_OK) < 0 && errno != EACCES) return -1;
  close(fd);
  return 0;
}

// Reads, maps, lists and runs; nothing changes.
static int readonly(int argc, char** argv) {
  (void)argc;
  if (nftw(argv[0], read_file, 16, FTW_PHYS) != 0) return failed("nftw");
  return run(argv[1]);
}

static int read_one(int argc, char** argv) {
  (void)argc;
  int fd = open_or_exit(argv[0], O_RDONLY);
  char buffer[4096];
  return read(fd, buffer, sizeof(buffer)) < 0 ? failed("read") : kDone;
}

// The bytes that are there, and by the same call others, when a look at the
// first is over but what it repeats is folded still.
static int rewrite_twice(int argc, char** argv) {
  (void)argc;
  int fd = open_or_exit(argv[0], O_RDWR);
  char byte;
  if (pread(fd, &byte, 1, 0) != 1) return failed("pread");
  for (int round = 0; round < 2; ++round) {
    if (pwrite(fd, &byte, 1, 0) != 1) return failed("pwrite");
    byte ^= 1;
    const struct timespec pause = {.tv_nsec = 300000000};
    if (round == 0) nanosleep(&pause, NULL);
  }
  return kDone;
}

const struct operation workload_operations[] = {
    {"burst", 2, "DIRECTORY COUNT", burst},
    {"link_burst", 2, "DIRECTORY COUNT", link_burst},
    {"orphan", 1, "FILE", orphan},
    {"crowd", 2, "COUNT DIRECTORY", crowd},
    {"write_as", 2, "COMM FILE", write_as},
    {"readonly", 2, "DIRECTORY PROGRAM", readonly},
    {"read", 1, "FILE", read_one},
    {"rewrite_twice", 1, "FILE", rewrite_twice},
    {NULL, 0, NULL, NULL},
};
