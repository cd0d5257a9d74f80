// SPDX-License-Identifier: Apache-2.0
#include "agent/base/memory.h"

#include <malloc.h>

namespace stillframe {
namespace {

// A block this large is a mapping of its own, which goes with it. Left alone
// the allocator raises its bound with each large block that is freed, up to
// 32 MiB, and holes stay in its heap where answers and scans were.
constexpr int kOwnMapping = 128 << 10;
// What the heap may have free at its end.
constexpr int kFreeAtEnd = 512 << 10;
// Of the servers' many threads few do anything at a time; with an arena each,
// every one keeps the most that it ever had.
constexpr int kArenas = 2;

}  // namespace

void set_up_allocator() {
  static_cast<void>(::mallopt(M_MMAP_THRESHOLD, kOwnMapping));
  static_cast<void>(::mallopt(M_TRIM_THRESHOLD, kFreeAtEnd));
  static_cast<void>(::mallopt(M_ARENA_MAX, kArenas));
}

void give_back_memory() { ::malloc_trim(0); }

}  // namespace stillframe
