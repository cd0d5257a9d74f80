// SPDX-License-Identifier: Apache-2.0
//
// Ways into another process's memory. What is written is what was there: it is
// the way that counts, and the victim goes on.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mutate.h"

// The beginning of the first mapping that may be written; ends the program when
// there is none.
static uintptr_t writable_address(pid_t pid) {
  char path[64];
  snprintf(path, sizeof(path), "/proc/%d/maps", pid);
  FILE* maps = fopen(path, "r");
  if (!maps) exit(failed(path));
  char line[512];
  while (fgets(line, sizeof(line), maps)) {
    unsigned long start;
    char mode[8];
    if (sscanf(line, "%lx-%*x %7s", &start, mode) == 2 && mode[1] == 'w') {
      fclose(maps);
      return start;
    }
  }
  fclose(maps);
  errno = ENOENT;
  exit(failed("a writable mapping"));
}

static pid_t pid_of(const char* text) { return (pid_t)strtol(text, NULL, 10); }

static int open_memory(pid_t pid, int flags) {
  char path[64];
  snprintf(path, sizeof(path), "/proc/%d/mem", pid);
  return open_or_exit(path, flags);
}

static int attach(pid_t pid) {
  if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) < 0) return failed("attach");
  int status;
  if (waitpid(pid, &status, __WALL) < 0) return failed("waitpid");
  return kDone;
}

static int detach(pid_t pid) {
  return ptrace(PTRACE_DETACH, pid, NULL, NULL) < 0 ? failed("detach") : kDone;
}

static int ptrace_attach(int argc, char** argv) {
  (void)argc;
  pid_t pid = pid_of(argv[0]);
  int outcome = attach(pid);
  return outcome == kDone ? detach(pid) : outcome;
}

static int ptrace_seize(int argc, char** argv) {
  (void)argc;
  // Ends with this process.
  if (ptrace(PTRACE_SEIZE, pid_of(argv[0]), NULL, NULL) < 0) {
    return failed("seize");
  }
  return kDone;
}

static int ptrace_poke(int argc, char** argv) {
  (void)argc;
  pid_t pid = pid_of(argv[0]);
  void* address = (void*)writable_address(pid);
  int outcome = attach(pid);
  if (outcome != kDone) return outcome;
  errno = 0;
  long word = ptrace(PTRACE_PEEKDATA, pid, address, NULL);
  if (errno != 0) return failed("peek");
  if (ptrace(PTRACE_POKEDATA, pid, address, (void*)word) < 0) {
    return failed("poke");
  }
  return detach(pid);
}

static int mem_read(int argc, char** argv) {
  (void)argc;
  pid_t pid = pid_of(argv[0]);
  uintptr_t address = writable_address(pid);
  int memory = open_memory(pid, O_RDONLY);
  char byte;
  return pread(memory, &byte, 1, (off_t)address) == 1 ? kDone : failed("pread");
}

static int mem_write(int argc, char** argv) {
  (void)argc;
  pid_t pid = pid_of(argv[0]);
  uintptr_t address = writable_address(pid);
  int memory = open_memory(pid, O_RDWR);
  char byte;
  if (pread(memory, &byte, 1, (off_t)address) != 1) return failed("pread");
  return pwrite(memory, &byte, 1, (off_t)address) == 1 ? kDone
                                                       : failed("pwrite");
}

// What a program may do with itself.
static int mem_write_self(int argc, char** argv) {
  (void)argc;
  (void)argv;
  char byte = 0;
  int memory = open_memory(getpid(), O_RDWR);
  return pwrite(memory, &byte, 1, (off_t)(uintptr_t)&byte) == 1
             ? kDone
             : failed("pwrite");
}

static int vm_read(int argc, char** argv) {
  (void)argc;
  pid_t pid = pid_of(argv[0]);
  char byte;
  struct iovec here = {&byte, 1};
  struct iovec there = {(void*)writable_address(pid), 1};
  return process_vm_readv(pid, &here, 1, &there, 1, 0) == 1
             ? kDone
             : failed("process_vm_readv");
}

static int vm_write(int argc, char** argv) {
  (void)argc;
  pid_t pid = pid_of(argv[0]);
  char byte;
  struct iovec here = {&byte, 1};
  struct iovec there = {(void*)writable_address(pid), 1};
  if (process_vm_readv(pid, &here, 1, &there, 1, 0) != 1) {
    return failed("process_vm_readv");
  }
  return process_vm_writev(pid, &here, 1, &there, 1, 0) == 1
             ? kDone
             : failed("process_vm_writev");
}

const struct operation memory_operations[] = {
    {"ptrace_attach", 1, "PID", ptrace_attach},
    {"ptrace_seize", 1, "PID", ptrace_seize},
    {"ptrace_poke", 1, "PID", ptrace_poke},
    {"mem_read", 1, "PID", mem_read},
    {"mem_write", 1, "PID", mem_write},
    {"mem_write_self", 0, "", mem_write_self},
    {"process_vm_readv", 1, "PID", vm_read},
    {"process_vm_writev", 1, "PID", vm_write},
    {NULL, 0, NULL, NULL},
};
