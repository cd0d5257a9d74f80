// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/unclaimed.h"

#include <gtest/gtest.h>

namespace stillframe::engine {
namespace {

UpperRoot root(std::uint64_t ino) { return {1, {ino, 1}}; }

TEST(Unclaimed, GivesEachRootItsOwnOnce) {
  Unclaimed unclaimed([](const UpperRoot&) {});
  unclaimed.add(root(1), 10, FileObservation{});
  unclaimed.add(root(2), 11, ExecObservation{});
  unclaimed.add(root(1), 12, MountObservation{});
  EXPECT_EQ(unclaimed.claim(root(1)).seen.size(), 2u);
  EXPECT_TRUE(unclaimed.claim(root(1)).seen.empty());
  EXPECT_EQ(unclaimed.claim(root(2)).seen.size(), 1u);
}

TEST(Unclaimed, KeepsNoMoreThanItsBoundsAndSaysSo) {
  Unclaimed unclaimed([](const UpperRoot&) {});
  for (std::size_t i = 0; i <= Unclaimed::kMaxSeen; ++i) {
    unclaimed.add(root(1), 1, FileObservation{});
  }
  for (std::uint64_t i = 2; i <= Unclaimed::kMaxRoots; ++i) {
    unclaimed.add(root(i), i, FileObservation{});
  }
  EXPECT_EQ(unclaimed.size(), Unclaimed::kMaxRoots);
  const auto full = unclaimed.claim(root(1));
  EXPECT_EQ(full.seen.size(), Unclaimed::kMaxSeen);
  EXPECT_TRUE(full.overflowed);
  unclaimed.add(root(1000), 1000, FileObservation{});
  unclaimed.add(root(1001), 1001, FileObservation{});
  // The oldest made room.
  EXPECT_TRUE(unclaimed.claim(root(2)).seen.empty());
}

// A container that makes overlays without end.
TEST(Unclaimed, WhoeverHasTheMostMakesRoom) {
  std::vector<std::uint64_t> forgotten;
  Unclaimed unclaimed(
      [&](const UpperRoot& one) { forgotten.push_back(one.inode.ino); });
  unclaimed.add(root(1), 1, FileObservation{});
  unclaimed.add(root(2), 2, FileObservation{});
  FileObservation greedy;
  greedy.process.in_container = true;
  greedy.process.cgroup = 7;
  for (std::uint64_t i = 3; i < 3 + 2 * Unclaimed::kMaxRoots; ++i) {
    unclaimed.add(root(i), i, greedy);
  }
  EXPECT_EQ(unclaimed.size(), Unclaimed::kMaxRoots);
  EXPECT_TRUE(unclaimed.holds(root(1)) && unclaimed.holds(root(2)));
  EXPECT_EQ(forgotten.size(), Unclaimed::kMaxRoots + 2);
  EXPECT_EQ(forgotten.front(), 3u);
}

TEST(Unclaimed, ForgetsWhatNobodyClaims) {
  std::vector<std::uint64_t> forgotten;
  Unclaimed unclaimed(
      [&](const UpperRoot& one) { forgotten.push_back(one.inode.ino); });
  unclaimed.add(root(1), 100, FileObservation{});
  unclaimed.add(root(2), 200, FileObservation{});
  unclaimed.expire(100 + Unclaimed::kPatienceNs);
  EXPECT_EQ(forgotten, std::vector<std::uint64_t>{1});
  EXPECT_EQ(unclaimed.size(), 1u);
}

}  // namespace
}  // namespace stillframe::engine
