// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/later_marks.h"

#include <gtest/gtest.h>

namespace stillframe::drift {
namespace {

constexpr InodeId kDir{5, 1};
constexpr std::uint64_t kStep = LaterMarks::kStepNs;

std::vector<std::string> names(LaterMarks::Due due) {
  const auto parts = due.marks.take(UINT64_MAX);
  return parts.empty() ? std::vector<std::string>() : parts[0].names;
}

TEST(LaterMarks, AreNeverDueTooEarlyAndNoMoreThanAStepLate) {
  LaterMarks later;
  EXPECT_EQ(later.next(), 0u);
  EXPECT_FALSE(later.take(UINT64_MAX));
  const std::uint64_t when = 10 * kStep + 7;
  later.mark(kDir, "a", when);
  EXPECT_GE(later.next(), when);
  EXPECT_LE(later.next(), when + kStep);
  EXPECT_FALSE(later.take(later.next() - 1));
  auto due = later.take(later.next());
  ASSERT_TRUE(due);
  EXPECT_FALSE(due->everything);
  EXPECT_EQ(names(std::move(*due)), (std::vector<std::string>{"a"}));
  EXPECT_EQ(later.next(), 0u);
}

// A directory that keeps being marked is neither looked at too early for the
// latest mark nor put off for ever.
TEST(LaterMarks, EachMarkHasItsOwnTime) {
  LaterMarks later;
  later.mark(kDir, "a", 10 * kStep);
  later.mark(kDir, "b", 12 * kStep);
  later.mark_everything(12 * kStep);
  auto first = later.take(11 * kStep);
  ASSERT_TRUE(first);
  EXPECT_EQ(names(std::move(*first)), (std::vector<std::string>{"a"}));
  EXPECT_FALSE(later.take(11 * kStep));
  auto second = later.take(13 * kStep);
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->everything);
  EXPECT_EQ(names(std::move(*second)), (std::vector<std::string>{"b"}));
}

}  // namespace
}  // namespace stillframe::drift
