// SPDX-License-Identifier: Apache-2.0
#include "agent/base/memory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace stillframe {
namespace {

// Of the program, read-only, and far from all else.
alignas(1 << 16) constexpr std::array<char, 1 << 19> kFar{1};

std::size_t resident_pages(const char* begin, std::size_t size) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::size_t resident = 0;
  const int pagemap = ::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  for (std::size_t at = 0; at < size; at += page) {
    std::uint64_t entry = 0;
    const auto number = reinterpret_cast<std::uintptr_t>(begin + at) / page;
    if (::pread(pagemap, &entry, sizeof entry,
                static_cast<off_t>(number * sizeof entry)) == sizeof entry) {
      resident += entry >> 63;
    }
  }
  ::close(pagemap);
  return resident;
}

TEST(GiveBackMemory, LetsGoOfPagesOfTheProgramAndKeepsWhatTheyHold) {
  const volatile char* bytes = kFar.data();
  int sum = 0;
  for (std::size_t i = 0; i < kFar.size(); ++i) sum += bytes[i];
  ASSERT_EQ(sum, 1);
  const std::size_t before = resident_pages(kFar.data(), kFar.size());
  EXPECT_GT(before, 100u);
  give_back_memory();
  EXPECT_LT(resident_pages(kFar.data(), kFar.size()), before / 2);
  EXPECT_EQ(bytes[0], 1);
}

}  // namespace
}  // namespace stillframe
