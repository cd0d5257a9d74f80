// SPDX-License-Identifier: Apache-2.0
#include "agent/base/memory.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

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

// Takes the pages of a file that nobody writes to out of this process; the
// kernel keeps them for all who have it mapped, and maps them again, sixteen at
// a time (fault_around_bytes in mm/memory.c), where they are used. Breakpoints
// that a debugger has put there are lost.
int unmap_read_only(dl_phdr_info* file, std::size_t /*size*/, void* /*data*/) {
  static const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  for (int i = 0; i < file->dlpi_phnum; ++i) {
    const auto& segment = file->dlpi_phdr[i];
    // What was relocated lies in writable ones (elf(5), PT_GNU_RELRO).
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const std::uintptr_t at = file->dlpi_addr + segment.p_vaddr;
    const std::uintptr_t begin = at & ~(page - 1);
    // NOLINTNEXTLINE(performance-no-int-to-ptr): an address is all there is
    static_cast<void>(::madvise(reinterpret_cast<void*>(begin),
                                at + segment.p_memsz - begin, MADV_DONTNEED));
  }
  return 0;
}

}  // namespace

void set_up_allocator() {
  static_cast<void>(::mallopt(M_MMAP_THRESHOLD, kOwnMapping));
  static_cast<void>(::mallopt(M_TRIM_THRESHOLD, kFreeAtEnd));
  static_cast<void>(::mallopt(M_ARENA_MAX, kArenas));
}

void give_back_memory() {
  ::malloc_trim(0);
  ::dl_iterate_phdr(unmap_read_only, nullptr);
}

}  // namespace stillframe
