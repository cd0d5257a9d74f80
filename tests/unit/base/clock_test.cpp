// SPDX-License-Identifier: Apache-2.0
#include "agent/base/clock.h"

#include <gtest/gtest.h>

namespace stillframe::test {
namespace {

TEST(Rfc3339, WritesNineDigits) {
  EXPECT_EQ(rfc3339({0}), "1970-01-01T00:00:00.000000000Z");
  EXPECT_EQ(rfc3339({1'795'000'000'000'000'001}),
            "2026-11-18T11:06:40.000000001Z");
  EXPECT_EQ(rfc3339({-1}), "1969-12-31T23:59:59.999999999Z");
}

TEST(Rfc3339, ReadsWhatItWrote) {
  const WallTime now = wall_now();
  const auto back = parse_rfc3339(rfc3339(now));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->ns, now.ns);
}

TEST(Rfc3339, ReadsZonesAndFractions) {
  EXPECT_EQ(parse_rfc3339("1970-01-01T01:00:00+01:00")->ns, 0);
  EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:00.5Z")->ns, 500'000'000);
}

TEST(Rfc3339, RefusesTheRest) {
  for (const char* bad :
       {"", "yesterday", "2026-11-22", "2026-11-22T00:00:00",
        "2026-11-22T00:00:00Zx", "2026-11-22T00:00:00+1",
        "2026-11-22T00:00:00+1:0", "2026-11-22T00:00:00+24:00",
        "2026-11-22T00:00:00+01:60", "2026-11-22T00:00:00+01:0099999999",
        "9999-01-01T00:00:00Z"}) {
    EXPECT_FALSE(parse_rfc3339(bad)) << bad;
  }
}

TEST(WallFromBoottime, IsNowForNow) {
  const WallTime converted = wall_from_boottime(boottime_now_ns());
  const std::int64_t off = wall_now().ns - converted.ns;
  EXPECT_LT(std::abs(off), 1'000'000'000);
}

TEST(ShortAge, TwoUnitsAtMost) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  EXPECT_EQ(short_age(-5), "0s");
  EXPECT_EQ(short_age(59 * kSecond), "59s");
  EXPECT_EQ(short_age(61 * kSecond), "1m01s");
  EXPECT_EQ(short_age(3661 * kSecond), "1h01m");
  EXPECT_EQ(short_age(90061 * kSecond), "1d01h");
}

}  // namespace
}  // namespace stillframe::test
