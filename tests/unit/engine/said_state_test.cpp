// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/said_state.h"

#include <gtest/gtest.h>

namespace stillframe::engine {
namespace {

constexpr std::uint64_t kMinute = SaidState::kEveryNs;
constexpr auto kStill = ContainerState::still;
constexpr auto kMutated = ContainerState::mutated;
constexpr auto kUnknown = ContainerState::unknown;

class SaidStateTest : public testing::Test {
 protected:
  // Whether it is said.
  bool look(ContainerState state, std::uint64_t now, bool complete = true) {
    const bool due = state_.is_due(state, complete, now);
    if (due) state_.said(state, now, 0);
    return due;
  }

  SaidState state_{0};
};

TEST_F(SaidStateTest, IsSaidWhenItIsAnother) {
  EXPECT_FALSE(look(kUnknown, 1));
  EXPECT_TRUE(look(kStill, 2));
  EXPECT_FALSE(look(kStill, 3));
  EXPECT_TRUE(look(kMutated, 4));
  EXPECT_EQ(state_.last(), kMutated);
  EXPECT_TRUE(look(kUnknown, 5));
}

TEST_F(SaidStateTest, WhatWasUndoneUnseenIsSaidToBeOver) {
  look(kStill, 1);
  state_.violated();
  EXPECT_FALSE(look(kStill, 2, false));  // not all was looked at yet
  EXPECT_TRUE(look(kStill, 3));
  EXPECT_FALSE(look(kStill, 4));
}

TEST_F(SaidStateTest, WhatIsMutatedAndChangesIsNotSaidAgain) {
  look(kMutated, 1);
  state_.violated();
  EXPECT_FALSE(look(kMutated, 2, false));
  EXPECT_TRUE(look(kStill, 3));
  EXPECT_FALSE(look(kStill, 4));
}

TEST_F(SaidStateTest, BackAndForthIsPacedAndItsEndIsSaid) {
  const std::uint64_t begin = 1000 * kMinute;
  unsigned said = 0;
  for (int i = 0; i < 1000; ++i) {
    if (look(i % 2 == 0 ? kStill : kMutated, begin)) ++said;
  }
  EXPECT_EQ(said, SaidState::kAtOnce);
  // The last of them is said once it has its turn.
  EXPECT_FALSE(look(kMutated, begin + kMinute - 1));
  EXPECT_TRUE(look(kStill, begin + kMinute));
  EXPECT_FALSE(look(kStill, begin + 2 * kMinute));
}

TEST_F(SaidStateTest, IsRecalled) {
  EXPECT_TRUE(state_.is_to_be_recalled(1, 0));
  look(kStill, 1);
  EXPECT_FALSE(state_.is_to_be_recalled(SaidState::kRecallNs / 2, 0));
  EXPECT_TRUE(state_.is_to_be_recalled(SaidState::kRecallNs / 2 + 1, 0));
  EXPECT_TRUE(state_.is_to_be_recalled(2, 1));  // the journal was away
}

TEST_F(SaidStateTest, NotAllAreRecalledAtOnce) {
  for (const std::uint64_t spread : {std::uint64_t{7}, UINT64_MAX}) {
    SaidState other(spread);
    other.said(kStill, 0, 0);
    EXPECT_FALSE(other.is_to_be_recalled(SaidState::kRecallNs / 2, 0));
    EXPECT_TRUE(other.is_to_be_recalled(SaidState::kRecallNs, 0));
  }
}

}  // namespace
}  // namespace stillframe::engine
