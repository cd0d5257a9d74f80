// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/lives.h"

#include <gtest/gtest.h>

#include "tests/unit/drift/ledger/fake_clock.h"

namespace stillframe::drift::test {
namespace {

constexpr std::uint64_t kFirstExec = 5'000'000'000;
constexpr std::uint64_t kMs = 1'000'000;

struct Case {
  std::string name;
  bool loaded = false;
  bool started = false;
  bool again = false;  // stopped and started once more
  std::uint64_t boot_ns = kFirstExec - kMs;
  bool live = false;
  bool before_first = false;
};

class AnOperation : public ::testing::TestWithParam<Case> {};

TEST_P(AnOperation, IsTheRuntimesAheadOfTheFirstLife) {
  const auto& c = GetParam();
  const FakeClock clock;
  Lives lives;
  if (c.loaded) lives.load(true);
  if (c.started) lives.started(kFirstExec, false, clock);
  if (c.again) {
    lives.stopped();
    lives.started(2 * kFirstExec, false, clock);
  }
  EXPECT_EQ(lives.before_first(c.boot_ns, c.live), c.before_first);
  EXPECT_EQ(lives.lived(), c.loaded || c.started);
}

INSTANTIATE_TEST_SUITE_P(
    Each, AnOperation,
    ::testing::Values(
        Case{.name = "not_started_yet", .before_first = true},
        Case{.name = "before", .started = true, .before_first = true},
        Case{.name = "after", .started = true, .boot_ns = kFirstExec + kMs},
        Case{.name = "live_by_the_kernel", .started = true, .live = true},
        Case{.name = "before_the_second",
             .started = true,
             .again = true,
             .boot_ns = 2 * kFirstExec - kMs},
        Case{.name = "kept_from_before", .loaded = true}),
    [](const auto& info) { return info.param.name; });

TEST(Lives, WhatNobodySawIsTheRuntimesUntilItBeganByTheFilesCoarseClock) {
  const FakeClock clock;
  Entry entry;
  for (const bool unseen_is_runtimes : {true, false}) {
    Lives lives;
    lives.started(kFirstExec, unseen_is_runtimes, clock);
    entry.ctime = clock.wall_at(kFirstExec - 11 * kMs);
    EXPECT_EQ(lives.made_before_first(entry), unseen_is_runtimes);
    entry.ctime = clock.wall_at(kFirstExec - 9 * kMs);
    EXPECT_FALSE(lives.made_before_first(entry));
  }
}

}  // namespace
}  // namespace stillframe::drift::test
