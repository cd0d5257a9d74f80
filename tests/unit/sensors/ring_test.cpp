// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "agent/base/fd.h"

namespace stillframe::sensors {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A file laid out as the kernel lays out a ring buffer's pages.
class RingTest : public ::testing::Test {
 protected:
  RingTest() {
    EXPECT_EQ(::ftruncate(file_, static_cast<off_t>(2 * page_ + kSize)), 0);
    void* all = ::mmap(nullptr, 2 * page_ + kSize, PROT_READ | PROT_WRITE,
                       MAP_SHARED, file_, 0);
    memory_ = static_cast<char*>(all);
    auto mapped = Ring::map(file_, kSize);
    EXPECT_TRUE(mapped);
    ring_.emplace(*std::move(mapped));
  }
  ~RingTest() override { ::munmap(memory_, 2 * page_ + kSize); }

  std::uint64_t& consumer() {
    return *reinterpret_cast<std::uint64_t*>(memory_);
  }
  std::uint64_t& producer() {
    return *reinterpret_cast<std::uint64_t*>(memory_ + page_);
  }
  void put(const std::string& record, std::uint32_t flags = 0) {
    const auto length = static_cast<std::uint32_t>(record.size()) | flags;
    std::memcpy(at(producer()), &length, sizeof length);
    for (std::size_t i = 0; i < record.size(); ++i) {
      *at(producer() + BPF_RINGBUF_HDR_SZ + i) = record[i];
    }
    producer() += BPF_RINGBUF_HDR_SZ + (record.size() + 7) / 8 * 8;
  }
  std::vector<std::string> taken(std::size_t most = SIZE_MAX) {
    std::vector<std::string> all;
    ring_->drain([&](const void* data, std::size_t size) {
      all.emplace_back(static_cast<const char*>(data), size);
      return all.size() < most;
    });
    return all;
  }
  char* at(std::uint64_t position) {
    return memory_ + 2 * page_ + position % kSize;
  }

  static constexpr std::size_t kSize = 4096;
  std::size_t page_ = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  Fd file_{::memfd_create("ring", MFD_CLOEXEC)};
  char* memory_ = nullptr;
  std::optional<Ring> ring_;
};

TEST_F(RingTest, HandsRecordsOverOnceInOrder) {
  put("first");
  put("");
  put("a third one");
  EXPECT_THAT(taken(), ElementsAre("first", "", "a third one"));
  EXPECT_EQ(consumer(), producer());
  EXPECT_THAT(taken(), IsEmpty());
}

TEST_F(RingTest, StopsWhereItIsAskedTo) {
  put("first");
  put("second");
  EXPECT_THAT(taken(1), ElementsAre("first"));
  EXPECT_THAT(taken(), ElementsAre("second"));
}

TEST_F(RingTest, StopsAtWhatIsBeingWritten) {
  put("first");
  const auto header = producer();
  put("second", BPF_RINGBUF_BUSY_BIT);
  put("third");
  EXPECT_THAT(taken(), ElementsAre("first"));
  EXPECT_EQ(consumer(), header);
  const std::uint32_t length = 6;
  std::memcpy(at(header), &length, sizeof length);
  EXPECT_THAT(taken(), ElementsAre("second", "third"));
}

TEST_F(RingTest, LeavesOutWhatWasDiscarded) {
  put("first", BPF_RINGBUF_DISCARD_BIT);
  put("second");
  EXPECT_THAT(taken(), ElementsAre("second"));
}

// Each of more than fit, of a size that comes to lie across the end.
TEST_F(RingTest, ARecordMayGoAroundTheEnd) {
  for (int i = 0; i < 100; ++i) {
    const std::string record = std::string(200, 'x') + std::to_string(i);
    put(record);
    ASSERT_THAT(taken(), ElementsAre(record));
  }
  EXPECT_GT(producer(), 4 * kSize);
}

TEST_F(RingTest, WhatThrewIsNotHandedOverAgain) {
  put("first");
  put("second");
  EXPECT_THROW(ring_->drain([](const void*, std::size_t) -> bool {
    throw std::runtime_error("no");
  }),
               std::runtime_error);
  EXPECT_THAT(taken(), ElementsAre("second"));
}

TEST(RingMapTest, SaysWhyThereIsNone) {
  const auto none = Ring::map(-1, 4096);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, EBADF);
}

}  // namespace
}  // namespace stillframe::sensors
