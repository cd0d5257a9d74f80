// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mutate.h"

const char kPayload[] = "changed\n";
const size_t kPayloadSize = sizeof(kPayload) - 1;

static const char* operation_name = "";

static const struct operation* const kFamilies[] = {
    file_operations,     transfer_operations, mmap_operations,
    metadata_operations, link_operations,     uring_operations,
    exec_operations,     library_operations,  memory_operations,
    mount_operations,    workload_operations, compat_operations,
    hidden_operations,
};
enum { kFamilyCount = sizeof(kFamilies) / sizeof(kFamilies[0]) };

int failed(const char* call) {
  int error = errno;
  fprintf(stderr, "mutate %s: %s: %s (errno %d)\n", operation_name, call,
          strerror(error), error);
  return error == ENOSYS || error == EOPNOTSUPP || error == ENOTTY
             ? kUnsupported
             : kFailed;
}

int unsupported(const char* why) {
  fprintf(stderr, "mutate %s: not supported: %s\n", operation_name, why);
  return kUnsupported;
}

int open_or_exit(const char* path, int flags) {
  int fd = open(path, flags | O_CLOEXEC, 0644);
  if (fd < 0) exit(failed(path));
  return fd;
}

static void print_usage(FILE* out) {
  fputs("usage: mutate OPERATION ARGUMENT…\n", out);
  for (int i = 0; i < kFamilyCount; ++i) {
    for (const struct operation* op = kFamilies[i]; op->name; ++op) {
      fprintf(out, "  %s %s\n", op->name, op->args);
    }
  }
}

static const struct operation* find(const char* name) {
  for (int i = 0; i < kFamilyCount; ++i) {
    for (const struct operation* op = kFamilies[i]; op->name; ++op) {
      if (strcmp(op->name, name) == 0) return op;
    }
  }
  return NULL;
}

int main(int argc, char** argv) {
  if (argc >= 2 && strcmp(argv[1], "--help") == 0) {
    print_usage(stdout);
    return kDone;
  }
  const struct operation* op = argc >= 2 ? find(argv[1]) : NULL;
  if (!op || argc - 2 < op->min_args) {
    print_usage(stderr);
    return kUsage;
  }
  operation_name = op->name;
  return op->run(argc - 2, argv + 2);
}
