// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/trim.h"

#include <gtest/gtest.h>

#include "tests/unit/engine/fakes.h"

namespace stillframe::engine::test {
namespace {

constexpr std::uint64_t kNever = UINT64_MAX;

TEST(Trim, RestsUntilSomethingHappens) {
  FakeClock clock;
  int given = 0;
  Trim trim(clock, [&given] { ++given; });
  EXPECT_EQ(trim.next_boot_ns(), kNever);
  trim.turn();
  EXPECT_EQ(given, 0);
}

TEST(Trim, GivesBackOnceASecondLater) {
  FakeClock clock;
  int given = 0;
  Trim trim(clock, [&given] { ++given; });
  trim.ask();
  trim.ask();
  trim.turn();
  EXPECT_EQ(given, 0);
  clock.boot += Trim::kAfterNs;
  trim.turn();
  trim.turn();
  EXPECT_EQ(given, 1);
  EXPECT_EQ(trim.next_boot_ns(), kNever);
}

TEST(Trim, RestsAHundredTimesAsLongAsItTook) {
  constexpr std::uint64_t kTakes = 50'000'000;
  FakeClock clock;
  int given = 0;
  Trim trim(clock, [&] {
    ++given;
    clock.boot += kTakes;
  });
  trim.ask();
  clock.boot += Trim::kAfterNs;
  trim.turn();
  const std::uint64_t ended = clock.boot;
  trim.ask();
  EXPECT_EQ(trim.next_boot_ns(), ended + Trim::kPace * kTakes);
  clock.boot = ended + Trim::kPace * kTakes - 1;
  trim.turn();
  EXPECT_EQ(given, 1);
  ++clock.boot;
  trim.turn();
  EXPECT_EQ(given, 2);
}

}  // namespace
}  // namespace stillframe::engine::test
