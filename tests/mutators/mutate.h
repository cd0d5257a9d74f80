// SPDX-License-Identifier: Apache-2.0
//
// One operation changes one thing in one way, so that a test can say which way
// of changing a container was noticed and which was not.
#pragma once

#include <stddef.h>

// How an operation ended; also the exit code.
enum outcome {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,
  kUnsupported = 3,  // this kernel or filesystem does not have it
};

struct operation {
  const char* name;
  int min_args;
  const char* args;  // for the usage text
  int (*run)(int argc, char** argv);
};

// Each list ends with an entry whose name is NULL.
extern const struct operation file_operations[];
extern const struct operation transfer_operations[];
extern const struct operation mmap_operations[];
extern const struct operation metadata_operations[];
extern const struct operation link_operations[];
extern const struct operation uring_operations[];
extern const struct operation exec_operations[];
extern const struct operation library_operations[];
extern const struct operation memory_operations[];
extern const struct operation mount_operations[];
extern const struct operation workload_operations[];
extern const struct operation compat_operations[];
extern const struct operation hidden_operations[];

// Says which call failed and why (errno); gives kUnsupported when errno says
// that the kernel or the filesystem lacks the call, else kFailed.
int failed(const char* call);

// Says why and gives kUnsupported.
int unsupported(const char* why);

// Opens or ends the program with failed()'s code.
int open_or_exit(const char* path, int flags);

// The text that every operation with content to write puts into its file.
extern const char kPayload[];
extern const size_t kPayloadSize;
// Where operations that patch a file in its middle do so. Test files are
// larger than this.
enum { kPatchOffset = 4096 };
