// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/dirty_set.h"

#include <gtest/gtest.h>

#include <limits>

namespace stillframe::drift {
namespace {

constexpr InodeId kDir{5, 1};
constexpr std::uint64_t kMs = 1'000'000;

TEST(DirtySet, WaitsForAnOperationsOwnLaterEvents) {
  DirtySet dirty;
  EXPECT_EQ(dirty.next(), 0u);
  dirty.mark(kDir, "a", 100 * kMs);
  dirty.mark(kDir, "b", 104 * kMs);
  EXPECT_EQ(dirty.next(), 109 * kMs);
  EXPECT_TRUE(dirty.take(109 * kMs - 1).empty());
  const auto due = dirty.take(109 * kMs);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].names, (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(due[0].full);
  EXPECT_TRUE(dirty.empty());
}

// What is folded without a word just after the latest mark has to be seen, too.
TEST(DirtySet, IsNotPutOffForEverAndLooksAgainAfterTheLatestMark) {
  DirtySet dirty;
  for (std::uint64_t ms = 100; ms <= 110; ++ms) {
    dirty.mark(kDir, "a", ms * kMs);
  }
  EXPECT_EQ(dirty.next(), 110 * kMs);
  ASSERT_EQ(dirty.take(110 * kMs).size(), 1u);
  EXPECT_EQ(dirty.next(), 115 * kMs);
  ASSERT_EQ(dirty.take(115 * kMs).size(), 1u);
  EXPECT_TRUE(dirty.empty());
}

TEST(DirtySet, WhatWasMarkedAMomentAgoIsNotTakenForGood) {
  DirtySet dirty;
  dirty.mark(kDir, "a", 100 * kMs);
  dirty.mark({6, 1}, "b", 110 * kMs);
  auto all = dirty.take_all(112 * kMs);
  EXPECT_TRUE(all.has(kDir));
  EXPECT_TRUE(all.has({6, 1}));
  EXPECT_FALSE(dirty.has(kDir));
  EXPECT_TRUE(dirty.has({6, 1}));
  EXPECT_EQ(dirty.next(), 115 * kMs);
}

TEST(DirtySet, KnowsSinceWhenTheOldestHasWaited) {
  DirtySet dirty;
  constexpr auto kNone = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(dirty.oldest(), kNone);
  dirty.mark(kDir, "a", 100 * kMs);
  dirty.mark({6, 1}, "a", 101 * kMs);
  dirty.mark(kDir, "b", 102 * kMs);
  EXPECT_EQ(dirty.oldest(), 100 * kMs);
  const auto due = dirty.take(108 * kMs);
  EXPECT_EQ(dirty.oldest(), kNone);
  dirty.mark(kDir, "c", 109 * kMs);
  dirty.absorb(due, 110 * kMs);  // it could not be scanned
  EXPECT_EQ(dirty.oldest(), 100 * kMs);
}

TEST(DirtySet, ManyNamesAreTheWholeDirectory) {
  DirtySet dirty;
  for (int i = 0; i < 300; ++i) dirty.mark(kDir, std::to_string(i), 1);
  const auto due = dirty.take(kMs * 100);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_TRUE(due[0].full);
  EXPECT_TRUE(due[0].names.empty());
}

TEST(DirtySet, OneDirectoryTakesATenthOfTheTime) {
  DirtySet dirty;
  dirty.scanned(kDir, 1000 * kMs, 20 * kMs);
  dirty.mark_full(kDir, 1001 * kMs);
  EXPECT_EQ(dirty.next(), 1200 * kMs);
  dirty.mark({6, 1}, "other", 1001 * kMs);
  EXPECT_EQ(dirty.next(), 1006 * kMs);
}

TEST(DirtySet, MarksMadeDuringAScanWaitAsWell) {
  DirtySet dirty;
  dirty.mark(kDir, "a", 1000 * kMs);
  dirty.scanned(kDir, 1010 * kMs, 20 * kMs);
  EXPECT_EQ(dirty.next(), 1210 * kMs);
  EXPECT_EQ(dirty.take(1210 * kMs).size(), 1u);
}

TEST(DirtySet, TooManyDirectoriesAreSaid) {
  DirtySet dirty;
  for (std::uint64_t ino = 1; ino <= DirtySet::kMaxDirectories; ++ino) {
    dirty.mark({ino, 0}, "x", 1);
  }
  EXPECT_FALSE(dirty.overflowed());
  dirty.mark({99'999, 0}, "x", 1);
  EXPECT_TRUE(dirty.overflowed());
  dirty.clear();
  EXPECT_FALSE(dirty.overflowed());
  EXPECT_EQ(dirty.next(), 0u);
}

TEST(DirtySet, DroppedDirectoriesAreNotDue) {
  DirtySet dirty;
  dirty.mark(kDir, "a", 1);
  dirty.drop(kDir);
  EXPECT_TRUE(dirty.empty());
  EXPECT_TRUE(dirty.take(100 * kMs).empty());
}

}  // namespace
}  // namespace stillframe::drift
