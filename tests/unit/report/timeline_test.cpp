// SPDX-License-Identifier: Apache-2.0
#include "exporters/report/timeline.h"

#include <gtest/gtest.h>

#include "tests/unit/report/story.h"

namespace stillframe::report {
namespace {

std::string text(const std::vector<Stretch>& stretches) {
  std::string out;
  for (const auto& one : stretches) {
    out += std::string(to_string(one.condition)) + ' ' +
           std::to_string((one.since.ns - at(0).ns) / kSecond) + '-' +
           std::to_string((one.until.ns - at(0).ns) / kSecond) + ' ';
  }
  return out;
}

TEST(Timeline, IsWhatWasSet) {
  Timeline line;
  line.set(at(10), Condition::unknown);
  line.set(at(20), Condition::still);
  line.set(at(25), Condition::still);
  line.set(at(30), Condition::mutated);
  struct Case {
    Period period;
    std::string expected;
  };
  const Case cases[] = {
      {{at(0), at(40)}, "unknown 10-20 still 20-30 mutated 30-40 "},
      {{at(22), at(24)}, "still 22-24 "},
      {{at(20), at(30)}, "still 20-30 "},
      {{at(0), at(5)}, ""},
      {{at(0), at(10)}, ""},
      {{at(50), at(60)}, "mutated 50-60 "},
  };
  for (const auto& one : cases) {
    EXPECT_EQ(text(line.within(one.period)), one.expected);
  }
  line.end(at(35));
  EXPECT_EQ(text(line.within({at(0), at(40)})),
            "unknown 10-20 still 20-30 mutated 30-35 ");
  EXPECT_EQ(text(line.within({at(50), at(60)})), "");
}

TEST(Timeline, FollowsAClockThatIsSetBack) {
  Timeline line;
  line.set(at(10), Condition::unknown);
  line.set(at(1000), Condition::still);  // by a clock ahead
  line.set(at(20), Condition::mutated);
  EXPECT_EQ(text(line.within({at(0), at(30)})), "unknown 10-20 mutated 20-30 ");
  line.set(at(5), Condition::still);
  EXPECT_EQ(line.begin(), at(5));
  EXPECT_EQ(text(line.within({at(0), at(30)})), "still 5-30 ");
}

TEST(Timeline, WhatIsToldLateIsNotBeforeTheLatest) {
  Timeline line;
  line.set(at(10), Condition::still);
  line.set_late(at(5), Condition::mutated);
  line.end(at(1));
  EXPECT_EQ(*line.end(), at(10));
  EXPECT_EQ(text(line.within({at(0), at(20)})), "");
}

TEST(Timeline, Sums) {
  Timeline line;
  line.set(at(0), Condition::still);
  line.set(at(10), Condition::mutated);
  line.set(at(15), Condition::still);
  const Times times = sum(line.within({at(0), at(20)}));
  EXPECT_EQ(time_of(times, Condition::still), 15);
  EXPECT_EQ(time_of(times, Condition::mutated), 5);
  EXPECT_EQ(time_of(times, Condition::unwatched), 0);
}

}  // namespace
}  // namespace stillframe::report
