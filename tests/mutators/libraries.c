// SPDX-License-Identifier: Apache-2.0
//
// What dlopen(3) does to get at the code of a file.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mutate.h"

enum { kSize = 4096 };

static int map(int fd, int protection, void** mapping) {
  *mapping = mmap(NULL, kSize, protection, MAP_PRIVATE, fd, 0);
  return *mapping == MAP_FAILED ? failed("mmap") : kDone;
}

static int map_exec(int argc, char** argv) {
  (void)argc;
  void* mapping;
  return map(open_or_exit(argv[0], O_RDONLY), PROT_READ | PROT_EXEC, &mapping);
}

static int map_protect(int argc, char** argv) {
  (void)argc;
  void* mapping;
  int outcome = map(open_or_exit(argv[0], O_RDONLY), PROT_READ, &mapping);
  if (outcome != kDone) return outcome;
  return mprotect(mapping, kSize, PROT_READ | PROT_EXEC) < 0
             ? failed("mprotect")
             : kDone;
}

static int map_memfd(int argc, char** argv) {
  (void)argc;
  (void)argv;
  int fd = memfd_create("library", MFD_CLOEXEC);
  if (fd < 0) return failed("memfd_create");
  if (ftruncate(fd, kSize) < 0) return failed("ftruncate");
  void* mapping;
  return map(fd, PROT_READ | PROT_EXEC, &mapping);
}

// To read a file is not to run it.
static int map_read(int argc, char** argv) {
  (void)argc;
  void* mapping;
  return map(open_or_exit(argv[0], O_RDONLY), PROT_READ, &mapping);
}

// A compiler's own memory has no file.
static int map_anonymous(int argc, char** argv) {
  (void)argc;
  (void)argv;
  void* mapping = mmap(NULL, kSize, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) return failed("mmap");
  return mprotect(mapping, kSize, PROT_READ | PROT_EXEC) < 0
             ? failed("mprotect")
             : kDone;
}

const struct operation library_operations[] = {
    {"map_exec", 1, "FILE", map_exec},
    {"map_protect", 1, "FILE", map_protect},
    {"map_memfd", 0, "", map_memfd},
    {"map_read", 1, "FILE", map_read},
    {"map_anonymous", 0, "", map_anonymous},
    {NULL, 0, NULL, NULL},
};
