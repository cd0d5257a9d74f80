// SPDX-License-Identifier: Apache-2.0
//
// Changes of a file's bytes by stores to a shared mapping.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mutate.h"

enum { kMapped = 4096 };

static int map(const char* path, int protection, int flags, char** mapping) {
  int fd = open_or_exit(path, O_RDWR);
  *mapping = mmap(NULL, kMapped, protection, MAP_SHARED | flags, fd, 0);
  close(fd);
  return *mapping == MAP_FAILED ? failed("mmap") : kDone;
}

static void store(char* mapping) { memcpy(mapping, kPayload, kPayloadSize); }

static char load(const char* mapping) { return *(const volatile char*)mapping; }

static int mmap_store(int argc, char** argv) {
  (void)argc;
  char* mapping;
  int outcome = map(argv[0], PROT_READ | PROT_WRITE, 0, &mapping);
  if (outcome == kDone) store(mapping);
  return outcome;
}

static int mmap_read_store(int argc, char** argv) {
  (void)argc;
  char* mapping;
  int outcome = map(argv[0], PROT_READ | PROT_WRITE, 0, &mapping);
  if (outcome != kDone) return outcome;
  (void)load(mapping);
  store(mapping);
  return kDone;
}

static int mmap_mprotect(int argc, char** argv) {
  (void)argc;
  char* mapping;
  int outcome = map(argv[0], PROT_READ, 0, &mapping);
  if (outcome != kDone) return outcome;
  if (mprotect(mapping, kMapped, PROT_READ | PROT_WRITE) < 0) {
    return failed("mprotect");
  }
  store(mapping);
  return kDone;
}

static int mmap_populate(int argc, char** argv) {
  (void)argc;
  char* mapping;
  int outcome = map(argv[0], PROT_READ | PROT_WRITE, MAP_POPULATE, &mapping);
  if (outcome == kDone) store(mapping);
  return outcome;
}

// The kernel, not the program, stores to the mapping.
static int mmap_read_into(int argc, char** argv) {
  (void)argc;
  char* mapping;
  int outcome = map(argv[0], PROT_READ | PROT_WRITE, 0, &mapping);
  if (outcome != kDone) return outcome;
  int zero = open_or_exit("/dev/zero", O_RDONLY);
  return read(zero, mapping, kPayloadSize) < 0 ? failed("read") : kDone;
}

static int madvise_remove(int argc, char** argv) {
  (void)argc;
  char* mapping;
  int outcome = map(argv[0], PROT_READ | PROT_WRITE, 0, &mapping);
  if (outcome != kDone) return outcome;
  return madvise(mapping, kMapped, MADV_REMOVE) < 0 ? failed("madvise") : kDone;
}

// Stores, says so, and keeps the mapping until its input ends: for readers
// whose reads must not be taken for changes.
static int mmap_hold(int argc, char** argv) {
  int outcome = mmap_store(argc, argv);
  if (outcome != kDone) return outcome;
  puts("stored");
  fflush(stdout);
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) continue;
  return kDone;
}

const struct operation mmap_operations[] = {
    {"mmap_store", 1, "FILE", mmap_store},
    {"mmap_read_store", 1, "FILE", mmap_read_store},
    {"mmap_mprotect", 1, "FILE", mmap_mprotect},
    {"mmap_populate", 1, "FILE", mmap_populate},
    {"mmap_read_into", 1, "FILE", mmap_read_into},
    {"madvise_remove", 1, "FILE", madvise_remove},
    {"mmap_hold", 1, "FILE", mmap_hold},
    {NULL, 0, NULL, NULL},
};
