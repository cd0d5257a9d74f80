// SPDX-License-Identifier: Apache-2.0
#include "exporters/report/collector.h"

#include <gmock/gmock.h>

#include "tests/unit/report/story.h"

namespace stillframe::report {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

double seconds(const ContainerReport& one, Condition condition) {
  return time_of(one.times, condition);
}

TEST(Collector, TimeByState) {
  Teller teller;
  teller.agent(0, "started", "", {{"version", "1.2"}, {"sensor_files", "x"}});
  teller.life(10, Lifecycle::created);
  teller.state(12, Condition::still);
  teller.change(50, "/etc/a", by_exec(1, "sh", at(49)));
  teller.state(51, Condition::mutated);
  teller.state(60, Condition::still);  // it was changed back
  const NodeReport node = teller.finish(100);
  ASSERT_THAT(node.containers, SizeIs(1));
  const auto& one = node.containers[0];
  EXPECT_EQ(seconds(one, Condition::unknown), 2);
  EXPECT_EQ(seconds(one, Condition::still), 38 + 40);
  // From the change, not from when it was said.
  EXPECT_EQ(seconds(one, Condition::mutated), 10);
  EXPECT_EQ(one.at_end, Condition::still);
  EXPECT_EQ(*one.first_mutation, at(50));
  EXPECT_EQ(node.version, "1.2");
  EXPECT_EQ(node.sensors.at("files"), "x");
}

TEST(Collector, NobodyWatched) {
  Teller teller;
  teller.agent(0, "started");
  teller.state(10, Condition::still);
  // Killed; what is known of its end is in the next one's first entry.
  teller.agent(50, "started", "", {{"unwatched_since", rfc3339(at(30))}});
  teller.state(51, Condition::mutated);
  const NodeReport node = teller.finish(61);
  const auto& one = node.containers.at(0);
  EXPECT_EQ(seconds(one, Condition::still), 20);
  EXPECT_EQ(seconds(one, Condition::unwatched), 21);
  EXPECT_EQ(seconds(one, Condition::mutated), 10);
  ASSERT_THAT(node.gaps, SizeIs(1));
  EXPECT_EQ(node.gaps[0].kind, "agent_away");
  EXPECT_EQ(node.gaps[0].since, at(30));
  EXPECT_EQ(node.gaps[0].until, at(50));
  EXPECT_EQ(node.away_seconds, 20);
}

TEST(Collector, WhoWasNotSeenAgainStaysUnwatched) {
  Teller teller;
  teller.agent(0, "started");
  teller.state(10, Condition::still);
  teller.agent(20, "stopped");
  teller.agent(30, "started");
  const NodeReport node = teller.finish(60);
  EXPECT_EQ(seconds(node.containers.at(0), Condition::still), 10);
  EXPECT_EQ(seconds(node.containers.at(0), Condition::unwatched), 40);
}

// An agent that ended and did not come back is a gap, however it ended.
TEST(Collector, NobodyCameBack) {
  for (const bool killed : {false, true}) {
    Teller teller;
    teller.agent(0, "started");
    teller.state(10, Condition::still);
    if (!killed) teller.agent(20, "stopped");
    const NodeReport node = teller.finish(20, 900);
    EXPECT_EQ(seconds(node.containers.at(0), Condition::still), 10);
    EXPECT_EQ(seconds(node.containers.at(0), Condition::unwatched), 880);
    EXPECT_EQ(node.away_seconds, 880);
    ASSERT_THAT(node.gaps, SizeIs(1));
    EXPECT_EQ(node.gaps[0].until, at(900));
  }
}

TEST(Collector, AnAgentThatIsThereMayBeSilentForAMinute) {
  Teller teller;
  teller.agent(0, "started");
  teller.state(10, Condition::still);
  const NodeReport node = teller.finish(200, 260);
  EXPECT_THAT(node.gaps, IsEmpty());
  EXPECT_EQ(seconds(node.containers.at(0), Condition::still), 250);
}

TEST(Collector, BeforeTheJournalNothingIsKnown) {
  Teller teller;
  teller.agent(500, "started");
  const NodeReport node = teller.finish(600);
  ASSERT_THAT(node.gaps, SizeIs(1));
  EXPECT_EQ(node.gaps[0].kind, "no_journal");
  EXPECT_EQ(node.gaps[0].since, at(0));
  EXPECT_EQ(node.gaps[0].until, at(500));
}

TEST(Collector, WhoDoesNotAnswerTheRollIsGone) {
  Teller teller;
  teller.agent(0, "started");
  teller.state(10, Condition::still);
  teller.agent(20, "stopped");
  teller.agent(30, "started");
  teller.agent(35, "roll_call");
  const NodeReport node = teller.finish(500);
  const auto& one = node.containers.at(0);
  EXPECT_EQ(*one.end, at(35));
  EXPECT_EQ(seconds(one, Condition::unwatched), 15);
}

TEST(Collector, AStoppedContainerIsNotStill) {
  Teller teller;
  teller.state(0, Condition::still);
  teller.life(10, Lifecycle::exited);
  teller.life(50, Lifecycle::live);
  NodeReport node = teller.finish(60);
  EXPECT_EQ(seconds(node.containers.at(0), Condition::still), 20);
  EXPECT_EQ(seconds(node.containers.at(0), Condition::stopped), 40);
  Teller met;
  met.state(0, Condition::still, {{"running", "false"}});
  node = met.finish(60);
  EXPECT_EQ(seconds(node.containers.at(0), Condition::stopped), 60);
}

// Undone before anybody looked; told after the state that knew of it.
TEST(Collector, WhatIsOverByTheStateIsOver) {
  Teller teller;
  teller.state(0, Condition::still);
  teller.change(10, "/etc/a", by_exec(1, "sh", at(9)));
  teller.state(11, Condition::still);
  teller.change(5, "/etc/b", by_exec(1, "sh", at(4)));
  const NodeReport node = teller.finish(100);
  EXPECT_EQ(seconds(node.containers.at(0), Condition::mutated), 1);
  EXPECT_EQ(*node.containers.at(0).first_mutation, at(5));
}

TEST(Collector, AStateThatWasOnlyCounted) {
  Teller teller;
  teller.state(0, Condition::still);
  teller.excess(50, 20, "agent", "state", 9, "", {{"state", "mutated"}});
  NodeReport node = teller.finish(60);
  EXPECT_EQ(seconds(node.containers.at(0), Condition::still), 20);
  EXPECT_EQ(seconds(node.containers.at(0), Condition::unknown), 30);
  EXPECT_EQ(seconds(node.containers.at(0), Condition::mutated), 10);
}

TEST(Collector, ViolationsThatWereOnlyCountedMutate) {
  Teller teller;
  teller.state(0, Condition::still);
  teller.life(50, Lifecycle::removed);
  teller.excess(60, 20, "content", "file_write", 9, "violation");
  const NodeReport node = teller.finish(100);
  const auto& one = node.containers.at(0);
  EXPECT_EQ(one.violations, 9);
  EXPECT_EQ(*one.first_mutation, at(20));
  EXPECT_EQ(seconds(one, Condition::mutated), 30);
}

TEST(Collector, UpdatesThatWereOnlyCounted) {
  Teller teller;
  teller.excess(60, 20, "lifecycle", "update_started", 12);
  const NodeReport node = teller.finish(100);
  EXPECT_EQ(node.containers.at(0).updates_left_out, 12);
  EXPECT_THAT(node.containers.at(0).updates, IsEmpty());
  EXPECT_THAT(node.gaps, SizeIs(1));
}

TEST(Collector, WhileTheJournalCouldNotBeWritten) {
  Teller teller;
  teller.state(0, Condition::still);
  teller.agent(80, "journal_resumed", "5 lost", {{"since", rfc3339(at(30))}});
  teller.state(85, Condition::still);
  const NodeReport node = teller.finish(100);
  const auto& one = node.containers.at(0);
  EXPECT_EQ(seconds(one, Condition::still), 45);
  EXPECT_EQ(seconds(one, Condition::unknown), 55);
  EXPECT_EQ(node.gaps.at(0).since, at(30));
}

TEST(Collector, AClockThatWasSetBackBetweenTwoAgents) {
  Teller teller;
  teller.agent(500, "started");
  teller.state(500, Condition::still);
  teller.agent(100, "started", "", {{"unwatched_since", rfc3339(at(510))}});
  const NodeReport node = teller.finish(200);
  EXPECT_EQ(seconds(node.containers.at(0), Condition::still), 0);
  EXPECT_EQ(seconds(node.containers.at(0), Condition::unwatched), 100);
  EXPECT_THAT(node.gaps, testing::Contains(
                             testing::Field(&GapRow::kind, "clock_set_back")));
}

TEST(Collector, ASensorThatDoesNotWorkIsAGap) {
  Teller teller;
  teller.agent(0, "started", "", {{"sensor_mounts", "none"}});
  teller.agent(50, "started", "", {{"sensor_mounts", "x"}});
  const NodeReport node = teller.finish(60);
  ASSERT_THAT(node.gaps, SizeIs(1));
  EXPECT_EQ(node.gaps[0].kind, "sensor_none");
  EXPECT_EQ(node.gaps[0].until, at(50));
  EXPECT_EQ(node.sensors.at("mounts"), "x");
}

TEST(Collector, RepeatsAreCountedWithTheFirst) {
  Teller teller;
  const auto seq = teller.change(10, "/etc/a", by_exec(1, "sh -c x", at(9)));
  teller.change(11, "/etc/b", by_exec(2, "sh -c y", at(9)));
  teller.repeat(20, seq, 40);
  teller.repeat(21, 999, 7);  // of none that is known
  const NodeReport node = teller.finish(30);
  const auto& one = node.containers.at(0);
  EXPECT_EQ(one.violations, 42);
  ASSERT_THAT(one.hands, SizeIs(1));
  EXPECT_EQ(one.hands[0].changes, 42);
  EXPECT_EQ(one.hands[0].who, "exec shell");
  EXPECT_EQ(one.hands[0].last, at(20));
  EXPECT_THAT(one.hands[0].paths, ElementsAre("/etc/a", "/etc/b"));
  ASSERT_THAT(one.sessions, SizeIs(2));
  EXPECT_EQ(one.sessions[0].changes, 41);
  EXPECT_EQ(one.sessions[1].changes, 1);
}

TEST(Collector, ANewAgentCountsAnew) {
  Teller teller;
  const auto seq = teller.change(10, "/etc/a", by_exec(1, "sh", at(9)));
  teller.agent(15, "started");
  teller.repeat(20, seq, 40);
  EXPECT_EQ(teller.finish(30).containers.at(0).violations, 1);
}

TEST(Collector, OnlyWhatIsInThePeriod) {
  Teller teller({at(100), at(200)});
  teller.state(0, Condition::still);
  const auto early = teller.change(50, "/etc/a", by_exec(1, "sh", at(49)));
  teller.repeat(150, early, 3);
  teller.change(250, "/etc/b", by_exec(2, "sh", at(249)));
  const NodeReport node = teller.finish(300);
  const auto& one = node.containers.at(0);
  EXPECT_EQ(one.violations, 3);
  EXPECT_EQ(seconds(one, Condition::mutated), 100);
  EXPECT_EQ(*one.first_mutation, at(50));
  EXPECT_EQ(node.watched.until, at(200));
}

TEST(Collector, WhatWasGoneBeforeIsNotThere) {
  Teller teller({at(100), at(200)});
  teller.state(0, Condition::still);
  teller.life(50, Lifecycle::removed);
  EXPECT_THAT(teller.finish(300).containers, IsEmpty());
}

TEST(Collector, Replaced) {
  Teller teller;
  teller.state(10, Condition::still);
  teller.change(20, "/etc/a", by_exec(1, "sh", at(19)));
  teller.life(50, Lifecycle::removed);
  teller.life(51, Lifecycle::replaced,
              {{"by", "bbbb"}, {"image_changed", "true"}});
  const NodeReport node = teller.finish(100);
  const auto& one = node.containers.at(0);
  EXPECT_EQ(*one.end, at(50));
  ASSERT_TRUE(one.replaced);
  EXPECT_EQ(one.replaced->by, "bbbb");
  EXPECT_TRUE(one.replaced->image_changed);
  EXPECT_EQ(*one.replaced->mutated_seconds, 31);
  EXPECT_EQ(seconds(one, Condition::mutated), 30);
}

TEST(Collector, TheSameIdAgainIsAnother) {
  Teller teller;
  teller.state(10, Condition::mutated);
  teller.life(20, Lifecycle::removed);
  // Found running by another agent: nobody saw it begin.
  teller.state(30, Condition::still);
  const NodeReport node = teller.finish(40);
  ASSERT_THAT(node.containers, SizeIs(2));
  EXPECT_EQ(seconds(node.containers[1], Condition::mutated), 0);
}

TEST(Collector, ExceptionsThatWereUsed) {
  Teller teller;
  StreamEvent rule = teller.event(5, "agent", "policy_rule_used");
  rule.rule = "data";
  rule.detail = "no volume yet";
  rule.facts["expires"] = rfc3339(at(500));
  teller.take(rule);
  teller.change(10, "/data/a", by_exec(1, "sh", at(9)), "allowed", "data");
  teller.change(11, "/data/b", by_exec(1, "sh", at(9)), "allowed", "data");
  teller.agent(500, "policy_rule_expired", "data");
  StreamEvent unused = teller.event(501, "agent", "policy_rule_used");
  unused.rule = "other";
  teller.take(unused);
  const NodeReport node = teller.finish(600);
  ASSERT_THAT(node.exceptions, SizeIs(1));
  const auto& row = node.exceptions.begin()->second;
  EXPECT_EQ(row.reason, "no volume yet");
  EXPECT_EQ(row.changes, 2);
  EXPECT_EQ(row.containers, 1);
  EXPECT_EQ(*row.expires, at(500));
  EXPECT_EQ(*row.expired, at(500));
  EXPECT_EQ(node.containers.at(0).violations, 0);
  EXPECT_EQ(node.containers.at(0).hands.at(0).violations, 0);
}

TEST(Collector, WhatIsOnlyCountedIsAGap) {
  Teller teller;
  teller.excess(50, 40, "content", "file_write", 70'000, "violation");
  teller.excess(50, 40, "content", "file_write", 70'000, "violation");
  const NodeReport node = teller.finish(60);
  EXPECT_EQ(node.containers.at(0).not_itemized, 140'000);
  EXPECT_EQ(node.containers.at(0).violations, 140'000);
  ASSERT_THAT(node.gaps, SizeIs(1));
  EXPECT_EQ(node.gaps[0].kind, "beyond_share");
  EXPECT_EQ(node.gaps[0].since, at(40));
  EXPECT_EQ(node.gaps[0].times, 2);
}

TEST(Collector, AReasonHoldsForWhatItAllowed) {
  Teller teller;
  for (const auto* reason : {"approved by Ann", "by nobody"}) {
    StreamEvent rule = teller.event(5, "agent", "policy_rule_used");
    rule.rule = "data";
    rule.detail = reason;
    teller.take(rule);
    teller.change(10, "/data/a", by_exec(1, "sh", at(9)), "allowed", "data");
  }
  const NodeReport node = teller.finish(600);
  ASSERT_THAT(node.exceptions, SizeIs(2));
  for (const auto& [key, row] : node.exceptions) EXPECT_EQ(row.changes, 1);
}

TEST(Collector, ThePolicyOfBeforeThePeriodIsInForce) {
  Teller teller({at(100), at(200)});
  teller.agent(10, "policy_loaded", "", {{"sha256", "aa"}});
  teller.agent(20, "policy_loaded", "", {{"sha256", "bb"}});
  teller.agent(30, "policy_failed", "");
  teller.agent(150, "policy_loaded", "", {{"sha256", "cc"}});
  const NodeReport node = teller.finish(200);
  ASSERT_THAT(node.policies, SizeIs(2));
  EXPECT_EQ(node.policies[0].sha256, "bb");
  EXPECT_EQ(node.policies[1].sha256, "cc");
}

// Whatever programs a container runs, who came in is named.
TEST(Collector, WhoCameInIsNamedWhoeverElseThereIs) {
  Teller teller;
  for (std::size_t i = 0; i < 2 * Collector::kMostHands; ++i) {
    Actor actor;
    actor.origin = Origin::workload;
    actor.tool = "tool" + std::to_string(i);
    teller.change(10, "/etc/" + std::to_string(i), actor);
  }
  Actor mallory;
  mallory.origin = Origin::host;
  mallory.tool = "vi";
  teller.change(20, "/etc/shadow", mallory);
  const auto node = teller.finish(60);
  const auto& one = node.containers.at(0);
  EXPECT_THAT(one.hands,
              testing::Contains(testing::Field(&Hand::who, "host vi")));
  EXPECT_EQ(one.hands_left_out, Collector::kMostHands);
  EXPECT_EQ(one.changes_by_others, Collector::kMostHands);
}

TEST(Collector, OnlyThePeriodUsesUpItsBounds) {
  Teller teller({at(100), at(200)});
  for (std::size_t i = 0; i < Collector::kMostSessions + 9; ++i) {
    Actor actor = by_exec(i + 1, "sh", at(1));
    actor.tool = "tool" + std::to_string(i);
    teller.change(10, "/etc/x", actor);
  }
  teller.change(150, "/etc/y", by_exec(5000, "sh", at(149)));
  const auto node = teller.finish(300);
  const auto& one = node.containers.at(0);
  EXPECT_THAT(one.hands, SizeIs(1));
  EXPECT_THAT(one.sessions, SizeIs(1));
  EXPECT_EQ(one.sessions_left_out, 0);
}

TEST(Collector, NamesNoMoreThanItMay) {
  Teller teller;
  constexpr int kMore = 50;
  for (std::size_t i = 0; i < Collector::kMostSessions + kMore; ++i) {
    Actor actor = by_exec(i + 1, "sh", at(1));
    actor.tool = "tool" + std::to_string(i);
    teller.change(10, "/etc/" + std::to_string(i), actor);
  }
  const NodeReport node = teller.finish(60);
  const auto& one = node.containers.at(0);
  EXPECT_THAT(one.hands, SizeIs(Collector::kMostHands));
  EXPECT_EQ(one.hands_left_out,
            Collector::kMostSessions + kMore - Collector::kMostHands);
  EXPECT_THAT(one.sessions, SizeIs(Collector::kMostSessions));
  EXPECT_EQ(one.sessions_left_out, kMore);
  EXPECT_EQ(one.violations, Collector::kMostSessions + kMore);
}

TEST(Report, AddsUp) {
  std::vector<NodeReport> nodes;
  for (int i = 0; i < 2; ++i) {
    Teller teller;
    teller.state(0, Condition::still);
    teller.change(20, "/etc/a", by_exec(1, "sh", at(19)));
    teller.life(30 + i, Lifecycle::removed);
    teller.life(30 + i, Lifecycle::replaced, {{"image_changed", "false"}});
    teller.container.id = "bbbb";
    teller.state(40, Condition::still);
    nodes.push_back(teller.finish(100));
    nodes.back().node = "n" + std::to_string(i);
  }
  const Report report = make_report({at(0), at(1000)}, std::move(nodes));
  EXPECT_EQ(report.containers, 4);
  EXPECT_EQ(report.mutated, 2);
  EXPECT_EQ(report.violations, 2);
  EXPECT_EQ(report.replacements, 2);
  ASSERT_THAT(report.workloads, SizeIs(1));
  const auto& web = report.workloads[0];
  EXPECT_EQ(web.containers, 4);
  EXPECT_EQ(web.with_new_image, 0);
  EXPECT_EQ(*web.median_to_replacement, 10);
  EXPECT_EQ(web.not_replaced, 0);
  EXPECT_THAT(report.images, SizeIs(1));
  // 20 + 60 of 30 + 60 seconds, and 20 + 60 of 31 + 60.
  EXPECT_DOUBLE_EQ(*share_still(report.times), 160.0 / 181.0);
}

TEST(Report, NobodyLooked) {
  Times times{};
  EXPECT_EQ(share_still(times), std::nullopt);
  time_of(times, Condition::unwatched) = 5;
  EXPECT_EQ(share_still(times), std::nullopt);
}

}  // namespace
}  // namespace stillframe::report
