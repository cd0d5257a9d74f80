// SPDX-License-Identifier: Apache-2.0
//
// System calls as a 32-bit program makes them. A 64-bit program may make them
// too, by the old gate.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mutate.h"

// Their numbers are i386's.
enum {
  kRead = 3,
  kWrite = 4,
  kOpen = 5,
  kUnlink = 10,
  kExecve = 11,
  kChmod = 15,
  kRename = 38,
};

#ifdef __x86_64__
static void no_gate(int signal) {
  (void)signal;
  _exit(unsupported("32-bit system calls"));
}

static long call(long number, uintptr_t one, uintptr_t two, uintptr_t three) {
  long result;
  // A kernel without them has no such gate: the program would be killed.
  signal(SIGSEGV, no_gate);
  __asm__ volatile("int $0x80"
                   : "=a"(result)
                   : "a"(number), "b"(one), "c"(two), "d"(three)
                   : "memory", "r8", "r9", "r10", "r11");
  signal(SIGSEGV, SIG_DFL);
  int value = (int)result;
  if (value >= 0) return value;
  errno = -value;
  return -1;
}
#else
static long call(long number, uintptr_t one, uintptr_t two, uintptr_t three) {
  (void)number, (void)one, (void)two, (void)three;
  exit(unsupported("32-bit system calls"));
}
#endif

// What such a call can point at: it has 32 bits for the address.
static void* low(const void* data, size_t size) {
#ifdef MAP_32BIT
  enum { kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT };
#else
  enum { kFlags = MAP_PRIVATE | MAP_ANONYMOUS };
#endif
  void* copy = mmap(NULL, size, PROT_READ | PROT_WRITE, kFlags, -1, 0);
  if (copy == MAP_FAILED) exit(failed("mmap"));
  return memcpy(copy, data, size);
}

static uintptr_t text(const char* string) {
  return (uintptr_t)low(string, strlen(string) + 1);
}

static int done_or_failed(long result, const char* name) {
  return result < 0 ? failed(name) : kDone;
}

static int opened(const char* path, int flags) {
  long fd = call(kOpen, text(path), (uintptr_t)flags, 0644);
  if (fd < 0) exit(failed("32-bit open"));
  return (int)fd;
}

static int compat_create(int argc, char** argv) {
  (void)argc;
  opened(argv[0], O_WRONLY | O_CREAT | O_EXCL);
  return kDone;
}

static int compat_write(int argc, char** argv) {
  (void)argc;
  uintptr_t fd = (uintptr_t)opened(argv[0], O_WRONLY);
  uintptr_t payload = (uintptr_t)low(kPayload, kPayloadSize);
  return done_or_failed(call(kWrite, fd, payload, kPayloadSize), "write");
}

static int compat_read(int argc, char** argv) {
  (void)argc;
  uintptr_t fd = (uintptr_t)opened(argv[0], O_RDONLY);
  uintptr_t buffer = (uintptr_t)low(kPayload, kPayloadSize);
  return done_or_failed(call(kRead, fd, buffer, kPayloadSize), "read");
}

static int compat_unlink(int argc, char** argv) {
  (void)argc;
  return done_or_failed(call(kUnlink, text(argv[0]), 0, 0), "unlink");
}

static int compat_rename(int argc, char** argv) {
  (void)argc;
  return done_or_failed(call(kRename, text(argv[0]), text(argv[1]), 0),
                        "rename");
}

static int compat_chmod(int argc, char** argv) {
  (void)argc;
  return done_or_failed(call(kChmod, text(argv[0]), 0751, 0), "chmod");
}

static int compat_exec(int argc, char** argv) {
  uint32_t* arguments = calloc((size_t)argc + 1, sizeof(*arguments));
  if (!arguments) return failed("calloc");
  for (int i = 0; i < argc; ++i) arguments[i] = (uint32_t)text(argv[i]);
  void* pointers = low(arguments, ((size_t)argc + 1) * sizeof(*arguments));
  call(kExecve, arguments[0], (uintptr_t)pointers, 0);
  return failed("execve");
}

const struct operation compat_operations[] = {
    {"compat_create", 1, "FILE", compat_create},
    {"compat_write", 1, "FILE", compat_write},
    {"compat_read", 1, "FILE", compat_read},
    {"compat_unlink", 1, "FILE", compat_unlink},
    {"compat_rename", 2, "FROM TO", compat_rename},
    {"compat_chmod", 1, "FILE", compat_chmod},
    {"compat_exec", 1, "PROGRAM ARGUMENT…", compat_exec},
    {NULL, 0, NULL, NULL},
};
