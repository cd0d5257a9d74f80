// SPDX-License-Identifier: Apache-2.0
#include "agent/base/suggestion.h"

#include <gtest/gtest.h>

#include <array>

namespace stillframe {
namespace {

constexpr std::array<std::string_view, 5> kWords = {"ps", "diff", "events",
                                                    "explain", "workloads"};

TEST(Suggestion, FindsWhatWasMistyped) {
  EXPECT_EQ(nearest("pss", kWords), "ps");
  EXPECT_EQ(nearest("difff", kWords), "diff");
  EXPECT_EQ(nearest("evnets", kWords), "events");
  EXPECT_EQ(nearest("sp", kWords), "ps");
}

TEST(Suggestion, TakesTheBeginningOfOneWordAlone) {
  EXPECT_EQ(nearest("wo", kWords), "workloads");
  EXPECT_EQ(nearest("ex", kWords), "explain");
  EXPECT_EQ(nearest("e", kWords), "");
}

TEST(Suggestion, LeavesAloneWhatIsFarFromAll) {
  EXPECT_EQ(nearest("foo", kWords), "");
  EXPECT_EQ(nearest("", kWords), "");
  EXPECT_EQ(nearest(std::string(1000, 'd'), kWords), "");
}

TEST(Suggestion, ListsAllIfNoneIsNear) {
  EXPECT_EQ(suggestion("pss", kWords), "did you mean 'ps'?");
  EXPECT_EQ(suggestion("pla", kWords), "did you mean one of explain?");
  EXPECT_EQ(suggestion("foo", kWords),
            "known: ps, diff, events, explain, workloads");
}

}  // namespace
}  // namespace stillframe
