// SPDX-License-Identifier: Apache-2.0
//
// Mounts and limits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/drift/ledger/world.h"

namespace stillframe::drift::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

MountEntry mount(const std::string& target, std::uint32_t dev,
                 const std::string& options = "rw") {
  return {.id = dev,
          .dev = dev,
          .root = "/",
          .target = target,
          .type = "tmpfs",
          .source = "tmpfs",
          .options = options};
}

class Environment : public ::testing::Test {
 protected:
  Environment() {
    w.record.init_start_ns = 5'000'000'000;
    w.drift->started(w.record, 1);
    w.settle();
  }
  void look(std::vector<MountEntry> mounts) {
    mounts.insert(mounts.begin(), mount("/", 1));
    w.drift->observe(MountsObservation{w.tick(), 7, std::move(mounts)});
  }
  void limits(std::map<std::string, std::string> values,
              const LimitActors& by = {}) {
    w.drift->observe(LimitsObservation{w.tick(), 7, std::move(values)}, by);
  }
  MountObservation deed(MountOp op, const std::string& target) {
    MountObservation seen;
    seen.boot_ns = w.tick();
    seen.op = op;
    seen.target = target;
    seen.type = "tmpfs";
    return seen;
  }
  std::string verdict(const std::string& path) {
    const auto* row = w.row(path);
    return row == nullptr ? "none" : std::string(to_string(row->verdict));
  }

  ScratchDirectory directory;
  World w{{.state_file = directory / "ledger"}};
  Actor sh = actor("sh", Origin::exec);
};

TEST_F(Environment, WhatTheRuntimeDidNotMountWasMountedSince) {
  w.record.init_start_ns = 90'000'000'000;
  w.record.asked.all_mounts = std::make_shared<std::vector<AskedMount>>(
      std::vector<AskedMount>{{"/data", "bind", "/srv/data"}});
  w.drift->started(w.record, 0);
  look({mount("/data", 2), mount("/etc/motd", 3)});
  EXPECT_EQ(verdict("/data"), "none");
  EXPECT_EQ(verdict("/etc/motd"), "violation");
  EXPECT_THAT(w.who("/etc/motd"), ElementsAre("unattributed"));
  look({mount("/data", 2)});
  EXPECT_EQ(verdict("/etc/motd"), "restored");
}

TEST_F(Environment, WhatWasMountedWhenItBeganToLiveIsNoChange) {
  look({mount("/data", 2)});
  look({mount("/data", 2)});
  EXPECT_THAT(w.events, IsEmpty());
  EXPECT_NE(w.drift->summary().state, ContainerState::mutated);
}

TEST_F(Environment, AMountThatNobodyWasSeenMakingIsUnattributed) {
  look({});
  look({mount("/etc", 3)});
  ASSERT_THAT(w.reported(),
              ElementsAre("mount_change /etc by unattributed violation"));
  EXPECT_EQ(w.events[0].actor->origin, Origin::unattributed);
  EXPECT_EQ(w.events[0].facts.at("new"), "tmpfs tmpfs rw");
  EXPECT_EQ(w.events[0].facts.at("old"), "");
  const auto* row = w.row("/etc");
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->mutation_class, Class::mounts);
  EXPECT_FALSE(row->shown_by_runtime);
  EXPECT_EQ(
      w.drift->summary().violations.at({Class::mounts, Origin::unattributed}),
      1u);
}

TEST_F(Environment, WhatTheHostMountsOnAVolumeComesAndGoes) {
  auto received = mount("/host/run", 3);
  received.received = true;
  look({mount("/host", 2), received});
  look({mount("/host", 2)});
  received.id = 4;
  look({mount("/host", 2), received});
  EXPECT_THAT(w.events, IsEmpty());
  // Were it taken from the host's hands, it would count.
  received.received = false;
  look({mount("/host", 2), received});
  EXPECT_EQ(verdict("/host/run"), "violation");
}

TEST_F(Environment, AMountThatIsSeenHasItsActor) {
  look({});
  w.drift->observe(deed(MountOp::mount, "/etc"), sh);
  EXPECT_EQ(verdict("/etc"), "violation");
  look({mount("/etc", 3)});
  EXPECT_THAT(w.reported(), ElementsAre("mount_change /etc by sh violation"));
  EXPECT_EQ(w.events[0].facts.at("operation"), "mount");
  EXPECT_EQ(w.events[0].facts.at("type"), "tmpfs");
  EXPECT_EQ(verdict("/etc"), "violation");
}

TEST_F(Environment, WhatWentAlongWithAMountIsTheSameActorsWork) {
  look({mount("/a", 2), mount("/a/b", 3), mount("/ab", 4)});
  w.drift->observe(deed(MountOp::umount, "/a"), sh);
  look({});
  EXPECT_THAT(w.reported(),
              ElementsAre("mount_change /a by sh violation",
                          "mount_change /a/b by sh violation",
                          "mount_change /ab by unattributed violation"));
}

TEST_F(Environment, WhatCannotBeReadIsNotStill) {
  look({});
  w.settle();
  ASSERT_EQ(w.drift->summary().state, ContainerState::still);
  w.drift->observe(MountsObservation{w.tick(), 7, {}, "too many"});
  EXPECT_EQ(w.drift->summary().state, ContainerState::unknown);
  EXPECT_EQ(w.drift->summary().why_unknown, "too many");
  EXPECT_FALSE(w.drift->summary().complete);
  look({});
  EXPECT_EQ(w.drift->summary().state, ContainerState::still);
  EXPECT_TRUE(w.drift->summary().complete);
}

TEST_F(Environment, NorIsWhatWasSeenMountedTakenForUndone) {
  look({});
  w.drift->observe(deed(MountOp::mount, "/etc"), sh);
  w.drift->observe(MountsObservation{w.tick(), 7, {}, "too many"});
  EXPECT_EQ(verdict("/etc"), "violation");
  // Of so many nobody keeps who mounts.
  for (int i = 0; i < 1000; ++i) {
    w.drift->observe(deed(MountOp::mount, "/srv/" + std::to_string(i)), sh);
  }
  EXPECT_EQ(verdict("/srv/999"), "violation");
  EXPECT_EQ(w.drift->summary().mutated_paths, 1001u);
  look({mount("/etc", 3)});
  EXPECT_EQ(verdict("/srv/999"), "restored");
  EXPECT_EQ(verdict("/etc"), "violation");
}

TEST_F(Environment, WhatWasMovedIsTheSameActorsWorkAtBothPlaces) {
  look({mount("/a", 2)});
  w.drift->observe(deed(MountOp::move, "/b"), sh);
  look({mount("/b", 2)});
  EXPECT_THAT(w.reported(), ElementsAre("mount_change /b by sh violation",
                                        "mount_change /a by sh violation"));
}

TEST_F(Environment, WhereAttributesWereSetTheNextLookShows) {
  look({mount("/a", 2), mount("/b", 3)});
  w.drift->observe(deed(MountOp::attributes, ""), sh);
  EXPECT_THAT(w.events, IsEmpty());
  look({mount("/a", 2), mount("/b", 3, "ro")});
  EXPECT_THAT(w.reported(), ElementsAre("mount_change /b by sh violation"));
  w.drift->observe(deed(MountOp::attributes, "/a"), sh);
  look({mount("/a", 2), mount("/b", 3, "ro")});
  EXPECT_THAT(w.events, SizeIs(1));
}

TEST_F(Environment, AMountThatIsGoneAgainIsRestored) {
  look({});
  look({mount("/etc", 3)});
  look({});
  EXPECT_EQ(verdict("/etc"), "restored");
  EXPECT_NE(w.drift->summary().state, ContainerState::mutated);
  EXPECT_TRUE(w.drift->summary().ever_mutated);
  EXPECT_THAT(w.events, SizeIs(1));
}

TEST_F(Environment, AMountThatCameAndWentBetweenTwoLooksIsRestored) {
  look({});
  w.drift->observe(deed(MountOp::mount, "/etc"), sh);
  w.drift->observe(deed(MountOp::umount, "/etc"), sh);
  look({});
  EXPECT_EQ(verdict("/etc"), "restored");
  EXPECT_TRUE(w.drift->summary().ever_mutated);
}

TEST_F(Environment, ARemountIsAChangeAndIsReportedOnce) {
  look({mount("/data", 2, "ro")});
  look({mount("/data", 2, "rw")});
  look({mount("/data", 2, "rw")});
  ASSERT_THAT(w.events, SizeIs(1));
  EXPECT_EQ(w.events[0].facts.at("old"), "tmpfs tmpfs ro");
  EXPECT_EQ(w.events[0].facts.at("new"), "tmpfs tmpfs rw");
}

TEST_F(Environment, WhatWasMountedBeforeTheFirstLookIsNoPartOfTheBeginning) {
  w.drift->observe(deed(MountOp::mount, "/etc"), sh);
  look({mount("/etc", 3), mount("/data", 2)});
  EXPECT_EQ(verdict("/etc"), "violation");
  EXPECT_EQ(verdict("/data"), "none");
}

TEST_F(Environment, AMountMadeWhileNoAgentRanIsFound) {
  look({});
  w.restart();
  w.drift->started(w.record, 0);
  w.settle();
  look({mount("/etc", 3)});
  EXPECT_THAT(w.reported(),
              ElementsAre("mount_change /etc by unattributed violation"));
  w.restart();
  w.drift->started(w.record, 0);
  w.settle();
  w.events.clear();
  look({mount("/etc", 3)});
  EXPECT_THAT(w.events, IsEmpty());
  EXPECT_EQ(verdict("/etc"), "violation");
}

TEST_F(Environment, ANewLifeBeginsWithItsOwnMountsAndLimits) {
  look({});
  limits({{"pids.max", "10"}});
  look({mount("/etc", 3)});
  limits({{"pids.max", "20"}});
  w.drift->stopped(w.tick());
  w.record.init_start_ns = 9'000'000'000;
  w.drift->started(w.record, w.tick());
  w.events.clear();
  look({mount("/etc", 4), mount("/new", 5)});
  limits({{"pids.max", "10"}, {"memory.max", "1"}});
  EXPECT_THAT(w.events, IsEmpty());
  EXPECT_EQ(verdict("/etc"), "restored");
  EXPECT_EQ(verdict("pids.max"), "restored");
}

TEST_F(Environment, ALimitThatItsRuntimeKeepsIsNotRestoredByANewLife) {
  struct Case {
    const char* now;
    const char* verdict;
  };
  std::uint64_t life = 90'000'000'000;
  const auto begin = [&] {
    w.record.init_start_ns = life += 1'000'000'000;
    w.drift->started(w.record, w.tick());
  };
  limits({{"memory.max", "32"}});
  limits({{"memory.max", "64"}});
  w.events.clear();
  for (const Case& one : {Case{"64", "allowed"}, Case{"128", "allowed"},
                          Case{"32", "restored"}, Case{"32", "restored"}}) {
    begin();
    w.restart();
    w.drift->started(w.record, 0);
    w.settle();
    limits({{"memory.max", one.now}});
    EXPECT_EQ(verdict("memory.max"), one.verdict) << one.now;
    EXPECT_THAT(w.events, IsEmpty()) << one.now;
  }
  limits({{"memory.max", "64"}});
  EXPECT_EQ(verdict("memory.max"), "allowed");
  ASSERT_THAT(w.events, SizeIs(1));
  EXPECT_EQ(w.events[0].facts.at("old"), "32");
}

TEST_F(Environment, ALimitThatChangedIsReportedWithBothValues) {
  limits({{"memory.max", "max"}, {"pids.max", "100"}});
  EXPECT_THAT(w.events, IsEmpty());
  limits({{"memory.max", "1048576"}, {"pids.max", "100"}});
  ASSERT_THAT(w.events, SizeIs(1));
  EXPECT_EQ(w.events[0].kind, Kind::limit_change);
  EXPECT_EQ(w.events[0].actor->origin, Origin::unattributed);
  EXPECT_EQ(w.events[0].path, "memory.max");
  EXPECT_EQ(w.events[0].facts.at("old"), "max");
  EXPECT_EQ(w.events[0].facts.at("new"), "1048576");
  EXPECT_EQ(w.events[0].verdict, Verdict::allowed);
  EXPECT_EQ(verdict("memory.max"), "allowed");
  EXPECT_EQ(w.row("memory.max")->mutation_class, Class::limits);
  EXPECT_NE(w.drift->summary().state, ContainerState::mutated);
}

TEST_F(Environment, ALimitIsOfWhomWroteIt) {
  limits({{"memory.max", "max"}, {"pids.max", "100"}});
  limits({{"memory.max", "1"}, {"pids.max", "200"}},
         {{"pids.max", actor("runc", Origin::host)},
          {"cpu.max", actor("sh", Origin::host)}});
  EXPECT_THAT(w.who("pids.max"), ElementsAre("host:runc"));
  EXPECT_THAT(w.who("memory.max"), ElementsAre("unattributed"));
}

TEST_F(Environment, ALimitSetBackIsRestored) {
  limits({{"pids.max", "100"}});
  limits({{"pids.max", "200"}});
  limits({{"pids.max", "100"}});
  EXPECT_EQ(verdict("pids.max"), "restored");
  EXPECT_THAT(w.events, SizeIs(2));
}

TEST_F(Environment, AControllerTurnedOnLaterChangesNothing) {
  limits({{"pids.max", "100"}});
  limits({{"pids.max", "100"}, {"memory.max", "max"}});
  EXPECT_THAT(w.events, IsEmpty());
}

TEST_F(Environment, ALimitWrittenWhileNoAgentRanIsFound) {
  limits({{"pids.max", "100"}});
  w.restart();
  w.drift->started(w.record, 0);
  w.settle();
  limits({{"pids.max", "200"}});
  ASSERT_THAT(w.events, SizeIs(1));
  EXPECT_EQ(w.events[0].facts.at("old"), "100");
}

}  // namespace
}  // namespace stillframe::drift::test
