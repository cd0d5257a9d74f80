// SPDX-License-Identifier: Apache-2.0
//
// The engine on a fake kernel: lives of containers crossed with scans and
// requests at each of their steps.
#include "agent/engine/core.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "agent/base/log.h"
#include "tests/unit/engine/fakes.h"
#include "tests/unit/full_pipe.h"

namespace stillframe::engine::test {
namespace {

// ---- Every request, at each step of its scan, whatever happens to the
// container meanwhile: answered once.

enum class Step { asked, carried_out, handed_back };
enum class Happens {
  nothing,
  exit,
  removal,
  restart,
  id_used_again,
  agent_stops,
};

struct Crossing {
  Step step;
  Happens happens;
};

std::string name_of(const ::testing::TestParamInfo<Crossing>& info) {
  static const char* const steps[] = {"Asked", "CarriedOut", "HandedBack"};
  static const char* const happenings[] = {
      "Nothing", "Exit", "Removal", "Restart", "IdUsedAgain", "AgentStops"};
  return std::string(steps[static_cast<int>(info.param.step)]) +
         happenings[static_cast<int>(info.param.happens)];
}

class Requested : public ::testing::TestWithParam<Crossing> {
 protected:
  void SetUp() override {
    record_ = world_.make("aaaa");
    other_ = world_.make("bbbb");
    world_.live(record_);
    world_.live(other_);
    world_.settle();
    world_.write(record_, "new");
  }

  void step_until(Step step) {
    if (step == Step::asked) return;
    world_.runner.carry_out();
    if (step == Step::handed_back) world_.runner.hand_back();
  }

  void happen(Happens happens) {
    switch (happens) {
      case Happens::nothing:
        return;
      case Happens::exit:
        return world_.exit(record_);
      case Happens::removal:
        return world_.remove(record_);
      case Happens::restart:
        world_.exit(record_);
        return world_.restart(record_);
      case Happens::id_used_again:
        world_.exit(record_);
        return world_.live(world_.make("aaaa"));
      case Happens::agent_stops:
        return world_.stop();
    }
  }

  // The container that was asked about is no longer, or nobody is there to
  // answer.
  static bool fails(Crossing crossing) {
    if (crossing.happens == Happens::agent_stops) return true;
    return crossing.step != Step::handed_back &&
           (crossing.happens == Happens::removal ||
            crossing.happens == Happens::id_used_again);
  }

  void finish() {
    if (world_.core) world_.settle();
  }

  World world_;
  ContainerRecord record_;
  ContainerRecord other_;
};

TEST_P(Requested, DiffIsAnsweredOnce) {
  const Asked<DiffAnswer> asked;
  world_.core->requests().diff("aaaa", DiffPart::changes, asked.reply());
  step_until(GetParam().step);
  const bool answered = !asked.answers->empty();
  happen(GetParam().happens);
  finish();
  ASSERT_TRUE(asked.once());
  EXPECT_EQ(!asked.answer(), fails(GetParam()) && !answered);
  if (asked.answer()) {
    EXPECT_EQ(asked.answer()->container.info.id, "aaaa");
    ASSERT_EQ(asked.answer()->changes.size(), 1u);
    EXPECT_EQ(asked.answer()->changes[0].path, "/new");
  }
}

TEST_P(Requested, ExplainIsAnsweredOnce) {
  const Asked<ExplainAnswer> asked;
  world_.core->requests().explain("aaaa", "/new", asked.reply());
  step_until(GetParam().step);
  const bool answered = !asked.answers->empty();
  happen(GetParam().happens);
  finish();
  ASSERT_TRUE(asked.once());
  EXPECT_EQ(!asked.answer(), fails(GetParam()) && !answered);
}

TEST_P(Requested, WhatIsAboutSeveralIsAboutThoseLeft) {
  const Asked<void> all;
  const Asked<std::string> policy;
  world_.core->requests().scan_all(all.reply());
  world_.core->requests().suggest("work", policy.reply());
  step_until(GetParam().step);
  happen(GetParam().happens);
  finish();
  ASSERT_TRUE(all.once());
  ASSERT_TRUE(policy.once());
  const bool stops = GetParam().happens == Happens::agent_stops;
  EXPECT_EQ(!all.answer(), stops);
  EXPECT_EQ(!policy.answer(), stops);
}

constexpr Crossing kCrossings[] = {
    {Step::asked, Happens::nothing},
    {Step::asked, Happens::exit},
    {Step::asked, Happens::removal},
    {Step::asked, Happens::restart},
    {Step::asked, Happens::id_used_again},
    {Step::asked, Happens::agent_stops},
    {Step::carried_out, Happens::nothing},
    {Step::carried_out, Happens::exit},
    {Step::carried_out, Happens::removal},
    {Step::carried_out, Happens::restart},
    {Step::carried_out, Happens::id_used_again},
    {Step::carried_out, Happens::agent_stops},
    {Step::handed_back, Happens::exit},
    {Step::handed_back, Happens::removal},
    {Step::handed_back, Happens::restart},
    {Step::handed_back, Happens::id_used_again},
    {Step::handed_back, Happens::agent_stops},
};
INSTANTIATE_TEST_SUITE_P(Steps, Requested, ::testing::ValuesIn(kCrossings),
                         name_of);

TEST(Requests, AboutNoContainerFailAtOnce) {
  World world;
  const Asked<DiffAnswer> diff;
  const Asked<ExplainAnswer> relative;
  const Asked<std::string> policy;
  const Asked<void> all;
  world.core->requests().diff("none", DiffPart::changes, diff.reply());
  world.core->requests().explain("none", "relative", relative.reply());
  world.core->requests().suggest("none", policy.reply());
  world.core->requests().scan_all(all.reply());
  ASSERT_TRUE(diff.once() && relative.once() && policy.once() && all.once());
  EXPECT_FALSE(diff.answer());
  EXPECT_FALSE(relative.answer());
  EXPECT_FALSE(policy.answer());
  EXPECT_TRUE(all.answer());  // of none
}

TEST(Requests, ThatWaitForOneScanAreAllAnsweredByIt) {
  World world;
  const auto record = world.make("aaaa");
  world.live(record);
  world.settle();
  std::vector<Asked<DiffAnswer>> asked(5);
  const std::size_t before = world.runner.submitted;
  for (const auto& one : asked) {
    world.core->requests().diff("aaaa", DiffPart::changes, one.reply());
  }
  world.settle();
  for (const auto& one : asked) EXPECT_TRUE(one.once() && one.answer());
  // The first scan began before the others asked; one more serves them all.
  EXPECT_LE(world.runner.submitted - before, 2u);
}

TEST(Requests, OfAContainerThatNeverRestsAreAnsweredAnyway) {
  World world;
  const auto record = world.make("aaaa");
  world.live(record);
  world.settle();
  const Asked<DiffAnswer> asked;
  world.core->requests().diff("aaaa", DiffPart::changes, asked.reply());
  for (int i = 0; i < 10 && asked.answers->empty(); ++i) {
    const std::string name = "f" + std::to_string(i);
    world.write(record, name);
    world.runner.carry_out();
    world.kernel.waiting.push_back(world.wrote(record, name));
    world.runner.hand_back();
  }
  EXPECT_TRUE(asked.once());
}

// ---- Totals.

TEST(Totals, AreEachCountedWhenWhatTheyCountHappens) {
  World world;
  const auto record = world.make("aaaa");
  world.live(record);
  world.settle();
  SessionObservation session;
  session.process.cgroup = record.cgroup;
  world.core->observe(session);
  world.kernel.count.suppressed = 1;
  world.kernel.count.unlisted = 1;
  world.kernel.count.lost["ringbuf_full"] = 1;
  auto broken = world.make("bbbb");
  broken.trouble.push_back("config.json: not JSON");
  world.source.known["bbbb"] = broken;
  std::ofstream(world.folder + "/state/containers/bbbb.jsonl") << "damaged\n";
  world.live(broken);
  std::filesystem::remove_all(record.layers.upper);      // a scan that fails
  std::filesystem::remove_all(world.folder + "/state");  // a ledger not kept
  world.write(broken, "new");
  world.core->observe(world.wrote(broken, "new"));
  world.clock.pass(2 * kSecondNs);
  world.settle();
  {
    const stillframe::test::FullPipe unread;
    log_info("nobody reads this");
  }
  AgentStats stats = world.core->take_snapshot()->stats;
  each_stat(stats, [](std::string_view name, const auto& value) {
    if constexpr (requires { value.size(); }) {
      EXPECT_FALSE(value.empty()) << name;
    } else {
      EXPECT_GT(value, 0) << name;
    }
  });
}

TEST(Totals, SessionsAreCountedForTheContainerThatIsEntered) {
  World world;
  const auto record = world.make("aaaa");
  const auto other = world.make("bbbb");
  world.live(record);
  world.live(other);
  world.settle();
  EXPECT_EQ(world.view("aaaa").sessions, 0u);
  SessionObservation session;
  session.root = record.root;
  world.core->observe(session);
  session.root = {};
  session.process.cgroup = record.cgroup;
  world.core->observe(session);
  EXPECT_EQ(world.view("aaaa").sessions, 2u);
  EXPECT_EQ(world.view("bbbb").sessions, 0u);
}

TEST(Ledgers, AreKeptAgainOnlyAfterAWhileWhenTheDiskIsFull) {
  World world;
  const auto record = world.make("aaaa");
  world.live(record);
  world.settle();
  const std::string state = world.folder + "/state";
  std::filesystem::remove_all(state);
  world.write(record, "new");
  world.core->observe(world.wrote(record, "new"));
  world.settle();
  std::filesystem::create_directories(state + "/containers");
  const auto kept = [&] {
    return std::filesystem::exists(state + "/containers/aaaa.jsonl");
  };
  world.settle();
  EXPECT_FALSE(kept());
  world.clock.pass(2 * kSecondNs);
  world.settle();
  EXPECT_TRUE(kept());
}

// ---- Losses.

TEST(Losses, AreRepairedByScansOfAllButNotWithoutPause) {
  World world;
  world.live(world.make("aaaa"));
  world.live(world.make("bbbb"));
  world.settle();
  const std::size_t before = world.runner.submitted;
  for (int i = 1; i <= 5; ++i) {
    world.kernel.count.lost["ringbuf_full"] = static_cast<std::uint64_t>(i);
    world.clock.pass(kSecondNs);
    world.settle();
  }
  EXPECT_GE(world.runner.submitted - before, 2u);
  const auto kinds = world.kinds();
  EXPECT_EQ(std::count(kinds.begin(), kinds.end(), "events_lost"), 1);
  EXPECT_EQ(world.core->take_snapshot()->stats.lost.at("ringbuf_full"), 5u);
}

}  // namespace
}  // namespace stillframe::engine::test
