// SPDX-License-Identifier: Apache-2.0
//
// What a detector can be misled by: a name that changes while it is used, a
// program that is asked for and not run, one that is patched by the kernel, a
// process that is born in another control group, what seals and what limits.
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fsverity.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/quota.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mutate.h"

#ifndef AT_EXECVE_CHECK
#define AT_EXECVE_CHECK 0x10000  // Linux 6.14
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

extern char** environ;

static char racing_name[32] = "a";
static atomic_int racing_began;
static atomic_int racing_ended;

// One letter, so that each name the kernel can read is one of two.
static void* change_name(void* unused) {
  (void)unused;
  volatile char* letter = racing_name;
  atomic_store(&racing_began, 1);
  while (!atomic_load(&racing_ended)) *letter ^= 'a' ^ 'b';
  return NULL;
}

// Creates COUNT files, each as a… or b…, whichever the kernel reads.
static int create_racing(int argc, char** argv) {
  (void)argc;
  long count = strtol(argv[1], NULL, 10);
  int directory = open_or_exit(argv[0], O_RDONLY | O_DIRECTORY);
  pthread_t other;
  errno = pthread_create(&other, NULL, change_name, NULL);
  if (errno != 0) return failed("pthread_create");
  while (!atomic_load(&racing_began)) sched_yield();
  int outcome = kDone;
  for (long i = 0; i < count && outcome == kDone; ++i) {
    snprintf(racing_name + 1, sizeof(racing_name) - 1, "%06ld", i);
    sched_yield();  // where both have one processor
    int fd = openat(directory, racing_name, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (fd < 0) outcome = failed("openat");
    if (fd >= 0) close(fd);
  }
  atomic_store(&racing_ended, 1);
  pthread_join(other, NULL);
  return outcome;
}

static int checked(int directory, char** argv, const char* path, int flags) {
  if (syscall(SYS_execveat, directory, path, argv, environ,
              flags | AT_EXECVE_CHECK) == 0)
    return kDone;
  return errno == EINVAL ? unsupported("AT_EXECVE_CHECK") : failed("execveat");
}

// Asks whether PROGRAM might be run.
static int execve_check(int argc, char** argv) {
  (void)argc;
  int outcome = checked(AT_FDCWD, argv, argv[0], 0);
  if (outcome != kDone) return outcome;
  return checked(open_or_exit(argv[0], O_RDONLY), argv, "", AT_EMPTY_PATH);
}

static int ended_well(pid_t child) {
  int status;
  if (waitpid(child, &status, 0) < 0) return failed("waitpid");
  return WIFEXITED(status) ? WEXITSTATUS(status) : kFailed;
}

static int clone_into_cgroup(int argc, char** argv) {
  (void)argc;
  struct clone_args how = {
      .flags = CLONE_INTO_CGROUP,
      .exit_signal = SIGCHLD,
      .cgroup = (uint64_t)open_or_exit(argv[0], O_RDONLY | O_DIRECTORY)};
  long child = syscall(SYS_clone3, &how, sizeof(how));
  if (child < 0) return failed("clone3");
  if (child == 0) {
    execv(argv[1], argv + 1);
    _exit(failed("execv"));
  }
  return ended_well((pid_t)child);
}

// Where in its file the first instruction of a program is.
static uint64_t entry_offset(const char* path) {
  int fd = open_or_exit(path, O_RDONLY);
  Elf64_Ehdr header;
  if (pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header))
    exit(failed("pread"));
  for (int i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr part;
    off_t at = (off_t)(header.e_phoff + (uint64_t)i * sizeof(part));
    if (pread(fd, &part, sizeof(part), at) != (ssize_t)sizeof(part)) break;
    if (part.p_type == PT_LOAD && header.e_entry >= part.p_vaddr &&
        header.e_entry < part.p_vaddr + part.p_filesz) {
      close(fd);
      return header.e_entry - part.p_vaddr + part.p_offset;
    }
  }
  exit(failed("no part has the entry point"));
}

// Runs PROGRAM with a breakpoint of the kernel's at its first instruction. TYPE
// is what /sys/bus/event_source/devices/uprobe/type says.
static int uprobe(int argc, char** argv) {
  (void)argc;
  struct perf_event_attr event = {.size = sizeof(event),
                                  .type = (uint32_t)strtoul(argv[0], NULL, 10),
                                  .config1 = (uint64_t)(uintptr_t)argv[1],
                                  .config2 = entry_offset(argv[1])};
  if (event.type == 0) return unsupported("uprobes");
  long probe =
      syscall(SYS_perf_event_open, &event, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
  if (probe < 0) return failed("perf_event_open");
  pid_t child = fork();
  if (child < 0) return failed("fork");
  if (child == 0) {
    execv(argv[1], argv + 1);
    _exit(failed("execv"));
  }
  return ended_well(child);
}

static int enable_verity(int argc, char** argv) {
  (void)argc;
  struct fsverity_enable_arg how = {.version = 1,
                                    .hash_algorithm = FS_VERITY_HASH_ALG_SHA256,
                                    .block_size = 4096};
  int fd = open_or_exit(argv[0], O_RDONLY);
  return ioctl(fd, FS_IOC_ENABLE_VERITY, &how) < 0
             ? failed("FS_IOC_ENABLE_VERITY")
             : kDone;
}

static int set_quota(int argc, char** argv) {
  (void)argc;
  struct dqblk limits = {.dqb_bhardlimit = 1 << 20, .dqb_valid = QIF_BLIMITS};
  int user = (int)strtol(argv[1], NULL, 10);
  if (quotactl(QCMD(Q_SETQUOTA, USRQUOTA), argv[0], user, (char*)&limits) == 0)
    return kDone;
  return errno == ESRCH ? unsupported("quota") : failed("quotactl");
}

const struct operation hidden_operations[] = {
    {"create_racing", 2, "DIRECTORY COUNT", create_racing},
    {"execve_check", 1, "PROGRAM ARGUMENT…", execve_check},
    {"clone_into_cgroup", 2, "CGROUP PROGRAM ARGUMENT…", clone_into_cgroup},
    {"uprobe", 2, "TYPE PROGRAM ARGUMENT…", uprobe},
    {"enable_verity", 1, "FILE", enable_verity},
    {"set_quota", 2, "DEVICE UID", set_quota},
    {NULL, 0, NULL, NULL},
};
