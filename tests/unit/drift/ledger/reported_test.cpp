// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/reported.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace stillframe::drift {
namespace {

constexpr std::uint64_t kStart = 1'000'000'000'000;
constexpr std::uint64_t kMs = 1'000'000;

struct Step {
  bool scan = false;
  std::uint64_t at_ms = 0;
  InodeId inode{50, 7};
  bool reported = true;
  std::uint32_t pid = 100;
};

struct Case {
  std::string name;
  std::vector<Step> steps;
};

class AChange : public ::testing::TestWithParam<Case> {};

TEST_P(AChange, IsReportedOnce) {
  Reported reported;
  const std::string path = "/etc/x";
  for (const Step& step : GetParam().steps) {
    const Reported::Sighting seen{path, Kind::file_delete, step.pid,
                                  step.inode};
    const std::uint64_t at = kStart + step.at_ms * kMs;
    EXPECT_EQ(step.scan ? reported.by_scan(seen, at)
                        : reported.by_operation(seen, at),
              step.reported)
        << "at " << step.at_ms;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, AChange,
    ::testing::Values(
        Case{"an_operation_seen_twice",
             {{false, 0}, {false, 1, {50, 7}, false}}},
        Case{"the_same_a_second_later", {{false, 0}, {false, 1000}}},
        Case{"folding_does_not_go_on_forever",
             {{false, 0}, {false, 900, {50, 7}, false}, {false, 1100}}},
        // ext4 gives the number to the next file at once.
        Case{"made_again_with_the_same_number",
             {{false, 0, {50, 7}}, {false, 1, {50, 8}}, {false, 2, {50, 9}}}},
        Case{"another_process", {{false, 0}, {false, 1, {50, 7}, true, 101}}},
        Case{"without_an_inode_each", {{false, 0, {}}, {false, 1, {}}}},
        Case{"a_scan_before_the_operation",
             {{true, 5},
              {false, 1, {50, 7}, false},
              {false, 2, {50, 7}, false}}},
        Case{"a_scan_before_an_operation_without_inode",
             {{true, 5}, {false, 1, {}, false}, {false, 2, {}}}},
        Case{"two_scans_before_it",
             {{true, 5, {60, 0}},
              {true, 9, {}, false},
              {false, 4, {50, 7}, false}}},
        Case{"a_scan_after_the_operation",
             {{false, 0}, {true, 5000, {50, 0}, false}}},
        Case{"a_scan_that_saw_it_half_done",
             {{false, 0}, {true, 5000, {51, 0}, false}}},
        Case{"a_scan_long_after_it", {{false, 0}, {true, 11'000}}}),
    [](const auto& info) { return info.param.name; });

TEST(Reported, ForgetsWhatIsTooOldToMatter) {
  Reported reported;
  const std::string path = "/etc/x";
  reported.by_operation({path, Kind::file_write, 1, {50, 7}}, kStart);
  reported.expire(kStart + Reported::kScanNs);
  EXPECT_EQ(reported.size(), 1u);
  reported.expire(kStart + Reported::kScanNs + 1);
  EXPECT_EQ(reported.size(), 0u);
}

TEST(Reported, IsBounded) {
  Reported reported;
  for (std::uint32_t pid = 0; pid < 3 * Reported::kMax; ++pid) {
    const std::string path = "/etc/x";
    EXPECT_TRUE(
        reported.by_operation({path, Kind::file_write, pid, {50, 7}}, kStart));
    EXPECT_LE(reported.size(), Reported::kMax);
  }
}

}  // namespace
}  // namespace stillframe::drift
