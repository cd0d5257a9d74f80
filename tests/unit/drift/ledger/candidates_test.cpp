// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/candidates.h"

#include <gtest/gtest.h>

namespace stillframe::drift {
namespace {

constexpr InodeId kDir{5, 1};

Candidate one(ActorId who, std::uint64_t at, std::string hint = "",
              FileOp op = FileOp::unlink) {
  Candidate c;
  c.actor = who;
  c.op = op;
  c.first_ns = c.last_ns = at;
  c.hint = std::move(hint);
  c.live = true;
  return c;
}

struct Case {
  std::string name;
  std::vector<Candidate> candidates;
  std::string entry;
  std::optional<std::int64_t> made;
  std::optional<ActorId> who;
  bool ambiguous = false;
};

class Choose : public ::testing::TestWithParam<Case> {};

TEST_P(Choose, WhoWasIt) {
  Candidates all;
  for (const auto& c : GetParam().candidates) all.add(kDir, c);
  const auto choice = all.choose(kDir, GetParam().entry, GetParam().made);
  ASSERT_EQ(choice.has_value(), GetParam().who.has_value());
  if (!choice) return;
  EXPECT_EQ(choice->candidate.actor, *GetParam().who);
  EXPECT_EQ(choice->ambiguous, GetParam().ambiguous);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Choose,
    ::testing::Values(
        Case{"nobody", {}, "x", {}, {}},
        Case{"only_one", {one(1, 10)}, "x", {}, 1},
        Case{"only_one_twice", {one(1, 10), one(1, 20, "y")}, "x", {}, 1},
        Case{"two_the_latest", {one(1, 10), one(2, 20)}, "x", {}, 2, true},
        Case{"two_the_hinted", {one(1, 10, "x"), one(2, 20, "y")}, "x", {}, 1},
        Case{"two_hint_the_same",
             {one(1, 10, "x"), one(2, 20, "x")},
             "x",
             {},
             2,
             true},
        Case{"began_too_late", {one(1, 5'000'000'000)}, "x", 1'000'000'000, {}},
        Case{"within_slack", {one(1, 1'900'000'000)}, "x", 1'000'000'000, 1},
        Case{"late_one_left_out",
             {one(1, 10), one(2, 5'000'000'000)},
             "x",
             1'000'000'000,
             1}),
    [](const auto& info) { return info.param.name; });

TEST(Candidates, AScanSettlesThoseBeforeIt) {
  Candidates all;
  all.add(kDir, one(1, 10));
  all.add(kDir, one(2, 30));
  all.settle(kDir, 20);
  const auto choice = all.choose(kDir, "x", {});
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->candidate.actor, 2u);
  EXPECT_FALSE(choice->ambiguous);
  all.settle_all(31);
  EXPECT_FALSE(all.choose(kDir, "x", {}));
}

TEST(Candidates, AreBoundedPerDirectoryAndInAll) {
  Candidates all;
  for (ActorId who = 0; who < 1000; ++who) all.add(kDir, one(who, who + 1));
  EXPECT_EQ(all.choose(kDir, "x", {})->candidate.actor, 999u);
  for (std::uint64_t ino = 10; ino < 20'000; ++ino) {
    all.add({ino, 1}, one(1, 1));
  }
  EXPECT_FALSE(all.choose({19'999, 1}, "x", {}));
  EXPECT_TRUE(all.choose(kDir, "x", {}));
}

TEST(Candidates, OneActorsHintsDoNotPushOutAnother) {
  Candidates all;
  all.add(kDir, one(7, 1, "a"));
  for (std::uint64_t i = 0; i < 100; ++i) {
    all.add(kDir, one(8, 10 + i, "h" + std::to_string(i)));
  }
  const auto choice = all.choose(kDir, "a", {});
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->candidate.actor, 7u);
}

TEST(BaseName, OfWhatCallersPass) {
  EXPECT_EQ(base_name("/etc/passwd"), "passwd");
  EXPECT_EQ(base_name("passwd"), "passwd");
  EXPECT_EQ(base_name("/etc/dir///"), "dir");
  EXPECT_EQ(base_name("/"), "");
  EXPECT_EQ(base_name(""), "");
}

}  // namespace
}  // namespace stillframe::drift
