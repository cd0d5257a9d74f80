// SPDX-License-Identifier: Apache-2.0
//
// Lives of containers on a fake kernel: how they come, restart, go and are
// found again, whatever time does.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <filesystem>

#include "agent/base/file.h"
#include "agent/engine/core.h"
#include "bpf/tools.h"
#include "tests/unit/engine/fakes.h"

namespace stillframe::engine::test {
namespace {

TEST(Lives, DoubledAndLateObservationsChangeNothing) {
  World world;
  const auto record = world.make("aaaa");
  world.live(record);
  world.live(record);
  world.settle();
  world.exit(record);
  world.exit(record);
  CgroupObservation gone;
  gone.boot_ns = world.clock.boot;
  gone.cgroup = record.cgroup;
  gone.removed = true;
  world.core->observe(gone);
  world.core->observe(gone);
  world.remove(record);
  // What was on its way when it went.
  world.core->observe(world.wrote(record, "late"));
  world.core->observe(gone);
  SessionObservation session;
  session.process.cgroup = record.cgroup;
  world.core->observe(session);
  world.settle();
  const auto kinds = world.kinds();
  for (const char* kind : {"created", "live", "exited", "removed"}) {
    EXPECT_EQ(std::count(kinds.begin(), kinds.end(), kind), 1) << kind;
  }
  EXPECT_TRUE(world.kernel.held.empty());
  EXPECT_TRUE(world.kernel.limits_of.empty());
}

TEST(Lives, AnIdUsedAgainIsAnotherContainer) {
  World world;
  const auto first = world.make("aaaa");
  world.live(first);
  world.write(first, "old");
  world.settle();
  EXPECT_EQ(world.view("aaaa").state, ContainerState::mutated);
  world.exit(first);
  world.live(world.make("aaaa"));
  world.settle();
  EXPECT_EQ(world.view("aaaa").state, ContainerState::still);
}

TEST(Lives, ARestoredUpperDirectoryIsNoOtherContainer) {
  World world;
  auto first = world.make("aaaa");
  first.info.created = {world.clock.wall_ns};
  world.source.known["aaaa"] = first;
  world.live(first);
  world.write(first, "old");
  world.settle();
  world.exit(first);
  world.settle();
  auto restored = world.make("aaaa");
  restored.info.created = first.info.created;
  world.source.known["aaaa"] = restored;
  world.write(restored, "old");
  world.live(restored);
  world.settle();
  EXPECT_EQ(world.view("aaaa").state, ContainerState::mutated);
  const auto kinds = world.kinds();
  EXPECT_EQ(std::count(kinds.begin(), kinds.end(), "live"), 2);
  EXPECT_EQ(std::count(kinds.begin(), kinds.end(), "created"), 1);
  EXPECT_EQ(std::count(kinds.begin(), kinds.end(), "removed"), 0);
  EXPECT_EQ(std::count(kinds.begin(), kinds.end(), "replaced"), 0);
}

TEST(Lives, TheSameIdInTwoNamespacesIsTwoContainers) {
  World world;
  const auto first = world.make("default/web");
  world.live(first);
  const auto second = world.make("other/web");
  world.live(second);
  world.write(second, "new");
  world.clock.pass(61 * kSecondNs);
  world.settle();
  EXPECT_EQ(world.view("default/web").state, ContainerState::still);
  EXPECT_EQ(world.view("other/web").state, ContainerState::mutated);
  // Each has a ledger of its own, which a new agent finds again.
  world.start_again();
  world.settle();
  EXPECT_EQ(world.view("default/web").state, ContainerState::still);
  EXPECT_TRUE(world.view("other/web").ever_mutated);
  world.exit(first);
  world.remove(second);
  world.settle();
  EXPECT_EQ(world.view("default/web").info.space, "default");
  const auto kinds = world.kinds();
  EXPECT_EQ(std::count(kinds.begin(), kinds.end(), "removed"), 1);
  EXPECT_EQ(std::count(kinds.begin(), kinds.end(), "replaced"), 0);
}

// ---- What is left of one that is gone.

std::string kept_of(const World& world, const std::string& id) {
  return world.folder + "/state/containers/" + id + ".last";
}

std::optional<DiffAnswer> last_state(World& world, const std::string& name) {
  auto found = world.archive->find(name);
  EXPECT_TRUE(found) << found.error().message;
  return found ? std::move(*found) : std::nullopt;
}

// One that has been changed, which is known.
ContainerRecord mutated(World& world, const std::string& id) {
  const auto record = world.make(id);
  world.live(record);
  world.settle();
  world.write(record, "new");
  world.core->observe(world.wrote(record, "new"));
  world.settle();
  return record;
}

void expect_new(const std::optional<DiffAnswer>& last) {
  ASSERT_TRUE(last);
  EXPECT_EQ(last->container.state, ContainerState::mutated);
  ASSERT_EQ(last->changes.size(), 1u);
  EXPECT_EQ(last->changes[0].path, "/new");
  EXPECT_EQ(last->changes[0].actors.back().origin, Origin::workload);
  ASSERT_EQ(last->runtime_lines.size(), 1u);
  EXPECT_EQ(last->runtime_lines[0].text(), "A /new");
}

TEST(LastState, IsThatBeforeItWasRemoved) {
  World world;
  const auto record = mutated(world, "aaaa");
  EXPECT_FALSE(last_state(world, "aaaa"));
  world.remove(record);
  const auto last = last_state(world, "name-aaaa");
  expect_new(last);
  EXPECT_TRUE(last->complete);
  EXPECT_TRUE(last->gone->seen);
  EXPECT_FALSE(std::filesystem::exists(kept_of(world, "aaaa")));
  world.start_again();
  expect_new(last_state(world, "aaaa"));
}

// A runtime deletes the files before its own record of the container.
TEST(LastState, IsNotWhatIsLeftWhileItsFilesAreDeleted) {
  for (const bool seen : {true, false}) {
    SCOPED_TRACE(seen);
    World world;
    const auto record = mutated(world, "aaaa");
    world.exit(record);
    const Asked<DiffAnswer> asked;
    if (seen) {
      world.core->requests().diff("aaaa", DiffPart::changes, asked.reply());
    }
    std::filesystem::remove(record.layers.upper + "/new");
    world.runner.carry_out();
    if (seen) {
      FileObservation deleted;
      deleted.boot_ns = world.clock.boot;
      deleted.root = record.root;
      deleted.inode = record.root.inode;
      deleted.name = "new";
      deleted.op = FileOp::unlink;
      deleted.direct = deleted.entries = true;
      world.kernel.waiting.push_back(deleted);
    } else {
      world.source.known.erase("aaaa");
    }
    world.runner.hand_back();
    world.source.known.erase("aaaa");
    world.clock.pass(kSecondNs);
    world.settle();
    expect_new(last_state(world, "aaaa"));
    EXPECT_EQ(asked.answers->size(), seen ? 1u : 0u);
  }
}

TEST(LastState, IsThatWhichWasKeptIfItWentWhileNoAgentRan) {
  for (const bool killed : {true, false}) {
    SCOPED_TRACE(killed);
    World world;
    const auto record = mutated(world, "aaaa");
    if (killed) {
      world.clock.pass(2 * kSecondNs);
      world.settle();
      last_state(world, "aaaa");  // what was handed over is written
      std::filesystem::copy_file(kept_of(world, "aaaa"),
                                 world.folder + "/kept");
    }
    world.stop();
    if (killed) {
      std::filesystem::rename(world.folder + "/kept", kept_of(world, "aaaa"));
    }
    world.source.known.erase("aaaa");
    std::filesystem::remove_all(record.layers.upper);
    world.start_again();
    const auto last = last_state(world, "name-aaaa");
    expect_new(last);
    EXPECT_FALSE(last->gone->seen);
    EXPECT_FALSE(std::filesystem::exists(kept_of(world, "aaaa")));
  }
}

// That not everything could be listed does not mean that it is gone.
TEST(LastState, IsNoneWhileItIsNotKnownWhoIsThere) {
  World world;
  mutated(world, "aaaa");
  world.stop();
  const auto records = std::exchange(world.source.known, {});
  world.source.unlisted = {EIO, "disk"};
  world.start_again();
  EXPECT_FALSE(last_state(world, "aaaa"));
  EXPECT_TRUE(std::filesystem::exists(kept_of(world, "aaaa")));
  world.source.known = records;
  world.source.unlisted.reset();
  world.clock.pass(61 * kSecondNs);
  world.settle();
  EXPECT_FALSE(last_state(world, "aaaa"));
  EXPECT_EQ(world.view("aaaa").state, ContainerState::mutated);
}

// Its store may not have been mounted yet.
TEST(LastState, LeavesTheLedgerToOneThatComesBack) {
  World world;
  mutated(world, "aaaa");
  world.stop();
  const auto records = std::exchange(world.source.known, {});
  world.start_again();
  expect_new(last_state(world, "aaaa"));
  world.source.known = records;
  world.clock.pass(61 * kSecondNs);
  world.settle();
  EXPECT_TRUE(world.view("aaaa").ever_mutated);
  ASSERT_TRUE(world.view("aaaa").last_actor);
  EXPECT_EQ(world.view("aaaa").last_actor->origin, Origin::workload);
}

TEST(LastState, IsKeptNowAndThenAndNotWithEachChange) {
  World world;
  const auto record = mutated(world, "aaaa");
  world.clock.pass(2 * kSecondNs);
  world.settle();
  last_state(world, "aaaa");  // what was handed over is written
  const auto written = [&] {
    last_state(world, "aaaa");
    return read_file(kept_of(world, "aaaa")).value_or("");
  };
  const auto before = written();
  world.settle();
  EXPECT_EQ(written(), before);
  world.write(record, "other");
  world.core->observe(world.wrote(record, "other"));
  world.core->turn();
  EXPECT_EQ(written(), before);
  EXPECT_LE(world.core->next_turn_ns(), world.clock.boot + 2 * kSecondNs);
  world.clock.pass(2 * kSecondNs);
  world.settle();
  EXPECT_NE(written(), before);
}

void pass_tenths(World& world, int tenths) {
  for (int i = 0; i < tenths; ++i) {
    world.clock.pass(kSecondNs / 10);
    world.core->turn();
  }
}

// One identity for all of a life: another one would begin a new ledger.
TEST(Lives, WhatItsRuntimeWritesDownLateIsNamedByItAllTheSame) {
  for (const bool late : {true, false}) {
    SCOPED_TRACE(late);
    World world;
    auto record = world.make("aaaa");
    auto named = record;
    record.info.id = "cgroup-1";
    record.info.runtime = "unknown";
    record.init_start_ns = world.clock.boot;
    world.source.known = {{"cgroup-1", record}};
    world.live(record);
    world.write(record, "new");
    world.core->turn();
    EXPECT_TRUE(world.core->take_snapshot()->containers.empty());
    if (late) world.source.known = {{"aaaa", named}};
    pass_tenths(world, 4);
    world.settle();
    const auto view = world.view(late ? "aaaa" : "cgroup-1");
    EXPECT_EQ(view.state, ContainerState::mutated);
    EXPECT_EQ(world.core->take_snapshot()->containers.size(), 1u);
  }
}

// On a busy machine that takes a while. One that never does so is not waited
// for without end.
TEST(Lives, AsLongAsWhoStartedItIsAtWorkItMayBeNamedYet) {
  for (const bool late : {true, false}) {
    SCOPED_TRACE(late);
    World world;
    auto record = world.make("aaaa");
    const auto named = record;
    record.info.id = "cgroup-1";
    record.info.runtime = "unknown";
    record.unwritten = true;
    world.source.known = {{"cgroup-1", record}};
    world.live(record);
    world.write(record, "new");
    pass_tenths(world, 50);
    EXPECT_TRUE(world.core->take_snapshot()->containers.empty());
    if (late) world.source.known = {{"aaaa", named}};
    pass_tenths(world, late ? 2 : 51);
    world.settle();
    const auto view = world.view(late ? "aaaa" : "cgroup-1");
    EXPECT_EQ(view.state, ContainerState::mutated);
    EXPECT_EQ(world.core->take_snapshot()->containers.size(), 1u);
  }
}

TEST(Lives, OneThatIsBeingWrittenDownAsTheAgentStartsIsNamedSoon) {
  World world;
  auto record = world.make("aaaa");
  const auto named = record;
  record.info.id = "cgroup-1";
  record.info.runtime = "unknown";
  record.unwritten = true;
  record.init_start_ns = world.clock.boot;
  world.source.known = {{"cgroup-1", record}};
  world.start_again();
  EXPECT_TRUE(world.core->take_snapshot()->containers.empty());
  world.source.known = {{"aaaa", named}};
  world.clock.pass(kSecondNs);
  world.settle();
  EXPECT_EQ(world.view("aaaa").state, ContainerState::still);
  EXPECT_EQ(world.core->take_snapshot()->containers.size(), 1u);
}

// What a stopped container's overlay was mounted with is not known.
TEST(Lives, AMountThatIsKnownLaterIsScannedByItsOptions) {
  World world;
  auto record = world.make("aaaa");
  const struct timespec same[2] = {{1, 0}, {1, 0}};
  for (const auto& layer : {record.layers.lower[0], record.layers.upper}) {
    const std::string dir = layer + "/dir";
    ASSERT_EQ(::mkdir(dir.c_str(), 0755), 0);
    ASSERT_EQ(::utimensat(AT_FDCWD, dir.c_str(), same, 0), 0);
  }
  ASSERT_EQ(::setxattr((record.layers.upper + "/dir").c_str(),
                       "user.overlay.impure", "y", 1, 0),
            0);
  world.live(record);
  world.settle();
  EXPECT_EQ(world.view("aaaa").state, ContainerState::mutated);
  world.exit(record);
  record.layers.userxattr = true;
  record.layers.work = record.layers.upper + "/../work";
  world.restart(record);
  world.settle();
  EXPECT_EQ(world.view("aaaa").state, ContainerState::still);
}

// At once where the runtime's files are watched; at the latest when somebody
// asks.
TEST(Lives, ANewNameIsTakenInAndTheOldOneGiven) {
  for (const bool noticed : {true, false}) {
    SCOPED_TRACE(noticed);
    World world;
    world.live(world.make("aaaa"));
    world.settle();
    world.source.known.at("aaaa").info.name = "renamed";
    world.clock.pass(kSecondNs);
    Asked<DiffAnswer> by_new;
    Asked<DiffAnswer> by_old;
    if (noticed) {
      world.source.touched = true;
      world.core->turn();
      EXPECT_TRUE(world.core->changed());
      EXPECT_EQ(world.view("aaaa").info.name, "renamed");
    }
    world.core->requests().diff("renamed", DiffPart::changes, by_new.reply());
    world.core->requests().diff("name-aaaa", DiffPart::changes, by_old.reply());
    world.settle();
    ASSERT_TRUE(by_new.once());
    EXPECT_TRUE(by_new.answer());
    ASSERT_TRUE(by_old.once());
    EXPECT_FALSE(by_old.answer());
    EXPECT_EQ(world.view("aaaa").info.name, "renamed");
  }
}

// Whoever rewrites them all day has a pause in between.
TEST(Lives, NamesAreNotReadWithoutPause) {
  World world;
  world.live(world.make("aaaa"));
  world.settle();
  const auto rename = [&](const std::string& name) {
    world.source.known.at("aaaa").info.name = name;
    world.source.touched = true;
    world.core->turn();
    return world.view("aaaa").info.name;
  };
  world.clock.pass(kSecondNs);
  EXPECT_EQ(rename("one"), "one");
  EXPECT_EQ(rename("two"), "one");
  EXPECT_LE(world.core->next_turn_ns(), world.clock.boot + kSecondNs / 10);
  world.clock.pass(kSecondNs / 10);
  world.core->turn();
  EXPECT_EQ(world.view("aaaa").info.name, "two");
}

// Its files are gone by the time of a second look.
TEST(Lives, AStepOfABuildIsNotAskedAboutAgain) {
  World world;
  world.settle();
  const auto record = world.make("aaaa");
  world.source.builds = true;
  world.live(record);
  EXPECT_FALSE(world.kernel.cgroups.contains(record.cgroup));
  world.source.builds = false;
  world.clock.pass(kSecondNs);
  world.core->turn();
  EXPECT_EQ(world.view("aaaa").info.id, "");
}

TEST(Lives, WhatRunsWithinAContainerIsItsOwnUntilAnotherRootfsIsKnown) {
  World world;
  const auto outer = world.make("aaaa");
  world.live(outer);
  auto inner = world.make("bbbb");
  inner.info.outer = "aaaa";
  auto unknown = inner;
  unknown.root = {};
  unknown.layers = {};
  world.source.known["bbbb"] = unknown;
  world.clock.pass(61 * kSecondNs);
  world.settle();
  EXPECT_EQ(world.view("bbbb").info.id, "");
  world.source.known["bbbb"] = inner;
  world.clock.pass(61 * kSecondNs);
  world.settle();
  EXPECT_EQ(world.view("bbbb").state, ContainerState::still);
  // A cgroup's name takes nobody out of the outer one.
  world.write(outer, "new");
  auto seen = world.wrote(outer, "new");
  seen.process.cgroup = inner.cgroup;
  world.core->observe(seen);
  world.settle();
  ASSERT_TRUE(world.view("aaaa").last_actor);
  EXPECT_NE(world.view("aaaa").last_actor->origin, Origin::container);
  EXPECT_EQ(world.view("bbbb").state, ContainerState::still);
}

struct PosingCase {
  const char* name;
  bool running;    // the container that it poses as
  bool same_root;  // it works on that one's rootfs
  bool other_id;   // under another id
  Standing standing;
};

// Anybody who may make cgroups can name one after a container.
TEST(Lives, ACgroupOfTheSameNameTakesNothingFromAContainer) {
  const PosingCase cases[] = {
      {"another rootfs", true, false, false, Standing::unproven},
      {"another rootfs, files say so", true, false, false, Standing::doubtful},
      {"its rootfs", true, true, false, Standing::unproven},
      {"its rootfs by another name", true, true, true, Standing::unproven},
      {"stopped, another rootfs", false, false, false, Standing::unproven},
      {"stopped, its files' rootfs", false, true, false, Standing::doubtful},
  };
  for (const PosingCase& one : cases) {
    World world;
    const auto record = world.make("aaaa");
    world.kernel.held.insert(record.root);  // by the first exec itself
    world.live(record);
    world.write(record, "new");
    world.core->observe(world.wrote(record, "new"));
    world.settle();
    if (!one.running) world.exit(record);
    auto posing = world.make("bbbb");
    world.source.known.erase("bbbb");
    if (!one.other_id) posing.info = record.info;
    posing.info.name = "posing";
    posing.standing = one.standing;
    if (one.same_root) {
      posing.root = record.root;
      posing.layers = record.layers;
    }
    world.source.posing.push_back(posing);
    world.live(posing);
    world.clock.pass(61 * kSecondNs);
    world.settle();
    EXPECT_EQ(world.view("aaaa").info.name, "name-aaaa") << one.name;
    EXPECT_EQ(world.view("aaaa").state, ContainerState::mutated) << one.name;
    EXPECT_EQ(world.view("aaaa").running, one.running) << one.name;
    EXPECT_EQ(world.view("bbbb").info.id, "") << one.name;
    EXPECT_TRUE(world.kernel.held.contains(record.root)) << one.name;
    const auto kinds = world.kinds();
    EXPECT_EQ(std::count(kinds.begin(), kinds.end(), "removed"), 0) << one.name;
    EXPECT_EQ(std::count(kinds.begin(), kinds.end(), "created"), 1) << one.name;
  }
}

// Nor when it is there before the agent, or before the container itself.
TEST(Lives, WhatStandsStillIsNotHiddenByACgroupOfItsName) {
  for (const bool shows_root : {true, false}) {
    for (const bool agent_first : {true, false}) {
      World world;
      auto kept = world.make("aaaa");
      const auto real = kept;
      kept.init_pid = 0;
      kept.cgroup = 0;
      auto posing = world.make("bbbb");
      posing.info = kept.info;
      posing.standing = Standing::doubtful;
      if (!shows_root) {
        posing.root = {};
        posing.layers = {};
      }
      world.source.known.clear();
      if (agent_first) world.core->discover();
      world.clock.pass(2 * kSecondNs);
      world.source.known["aaaa"] = kept;
      world.source.posing.push_back(posing);
      if (!agent_first) world.core->discover();
      world.live(posing);
      world.clock.pass(kSecondNs);
      world.settle();
      EXPECT_FALSE(world.view("aaaa").running);
      EXPECT_EQ(world.view("aaaa").state, ContainerState::still);
      world.source.known["aaaa"] = real;
      world.live(real);
      world.settle();
      EXPECT_TRUE(world.view("aaaa").running);
      EXPECT_EQ(world.view("aaaa").state, ContainerState::still);
    }
  }
}

TEST(Lives, WhoIsSureToBeWhoItSaysComesBeforeWhoWasThereFirst) {
  World world;
  const auto real = world.make("aaaa");
  auto posing = world.make("bbbb");
  world.source.known.clear();
  posing.info = real.info;
  posing.standing = Standing::unproven;
  world.source.posing.push_back(posing);
  world.live(posing);
  world.settle();
  ASSERT_TRUE(world.view("aaaa").running);
  world.source.known["aaaa"] = real;
  world.write(real, "new");
  world.live(real);
  world.settle();
  EXPECT_TRUE(world.view("aaaa").running);
  EXPECT_EQ(world.view("aaaa").state, ContainerState::mutated);
}

// A directory may be several containers' rootfs, and is compared for one.
TEST(Lives, ARootfsGoesToWhoIsSureToHaveIt) {
  for (const bool first_is_sure : {false, true}) {
    World world;
    auto real = world.make("aaaa");
    auto first = world.make("bbbb");
    world.source.known.clear();
    real.layers.plain = true;
    first.layers = real.layers;
    first.root = real.root;
    if (!first_is_sure) first.standing = Standing::unproven;
    world.kernel.held.insert(real.root);  // by the first exec itself
    world.source.known["bbbb"] = first;
    world.live(first);
    world.settle();
    ASSERT_TRUE(world.view("bbbb").running);
    world.source.known["aaaa"] = real;
    world.live(real);
    world.settle();
    world.clock.pass(61 * kSecondNs);
    world.settle();
    EXPECT_EQ(world.view("aaaa").state == ContainerState::unknown,
              first_is_sure);
    EXPECT_EQ(world.view("bbbb").running, first_is_sure);
    EXPECT_TRUE(world.kernel.held.contains(real.root));
  }
}

// So may a mount, by a runtime that is told to.
TEST(Lives, TwinsOnOneOverlayAreBothShown) {
  for (const bool seen : {true, false}) {
    World world;
    auto first = world.make("aaaa");
    world.live(first);
    world.settle();
    auto second = world.make("bbbb");
    second.layers = first.layers;
    second.root = first.root;
    world.source.known["bbbb"] = second;
    if (seen) world.live(second);
    world.clock.pass(61 * kSecondNs);
    world.settle();
    EXPECT_EQ(world.view("aaaa").state, ContainerState::still);
    EXPECT_TRUE(world.view("bbbb").running);
    EXPECT_EQ(world.view("bbbb").state, ContainerState::unknown);
    EXPECT_NE(world.view("bbbb").why_unknown.find("another container's"),
              std::string::npos);
    // It is whose it is alone once the other is gone.
    world.exit(first);
    world.source.known.erase("aaaa");
    world.settle();
    world.clock.pass(61 * kSecondNs);
    world.settle();
    EXPECT_EQ(world.view("bbbb").state, ContainerState::still);
  }
}

TEST(Lives, WhoOutlivedItsContainerIsNotOfTheHost) {
  World world;
  const auto record = world.make("aaaa");
  world.live(record);
  world.write(record, "new");
  auto seen = world.wrote(record, "new");
  seen.process.cgroup = 999;
  seen.process.in_container = false;
  world.core->observe(seen);
  world.settle();
  const Asked<DiffAnswer> asked;
  world.core->requests().diff("aaaa", DiffPart::changes, asked.reply());
  world.settle();
  ASSERT_TRUE(asked.once() && asked.answer());
  ASSERT_EQ(asked.answer()->changes.size(), 1u);
  EXPECT_EQ(asked.answer()->changes[0].actors.at(0).origin, Origin::container);
}

TEST(Lives, RootsThatAreNobodysAreLetGo) {
  World world;
  const auto record = world.make("aaaa");
  world.live(record);
  world.settle();
  const UpperRoot stray{9, {1234, 1}};
  world.kernel.held.insert(stray);
  world.kernel.held.insert(record.root);
  for (int i = 0; i < 3; ++i) {
    world.clock.pass(61 * kSecondNs);
    world.settle();
  }
  EXPECT_FALSE(world.kernel.held.contains(stray));
  EXPECT_TRUE(world.kernel.held.contains(record.root));
}

TEST(Lives, ARestartGoesOnWithTheSameLedger) {
  World world;
  const auto record = world.make("aaaa");
  world.live(record);
  world.write(record, "new");
  world.core->observe(world.wrote(record, "new"));
  world.settle();
  world.exit(record);
  world.restart(record);
  world.settle();
  const Asked<DiffAnswer> asked;
  world.core->requests().diff("aaaa", DiffPart::changes, asked.reply());
  world.settle();
  ASSERT_TRUE(asked.once() && asked.answer());
  ASSERT_EQ(asked.answer()->changes.size(), 1u);
  EXPECT_EQ(asked.answer()->changes[0].actors.at(0).origin, Origin::workload);
}

TEST(Lives, ThatAnErrorHidesGoOn) {
  World world;
  const auto record = world.make("aaaa");
  world.live(record);
  world.write(record, "new");
  world.core->observe(world.wrote(record, "new"));
  world.settle();
  world.exit(record);
  world.source.failing = Error{EMFILE, "Too many open files"};
  for (int i = 0; i < 20; ++i) {
    world.clock.pass(10 * kSecondNs);
    world.settle();
  }
  EXPECT_EQ(world.view("aaaa").state, ContainerState::mutated);
  world.source.failing.reset();
  world.source.known.erase("aaaa");
  world.clock.pass(10 * kSecondNs);
  world.settle();
  EXPECT_EQ(world.view("aaaa").info.id, "");
}

// The kernel side reports a first exec once.
TEST(Lives, ThatCouldNotBeReadAtTheirStartAreReadLater) {
  World world;
  world.core->discover();
  const auto record = world.make("aaaa");
  world.source.failing = Error{EMFILE, "Too many open files"};
  world.kernel.cgroups.insert(record.cgroup);  // by the first exec itself
  world.live(record);
  for (int i = 0; i < 10; ++i) {
    world.clock.pass(kSecondNs);
    world.settle();
  }
  EXPECT_EQ(world.view("aaaa").info.id, "");
  EXPECT_TRUE(world.kernel.cgroups.contains(record.cgroup));
  world.write(record, "new");
  world.core->observe(world.wrote(record, "new"));
  world.source.failing.reset();
  world.clock.pass(20 * kSecondNs);  // reconciliation is not due
  world.settle();
  EXPECT_EQ(world.view("aaaa").state, ContainerState::mutated);
}

// As many as anybody likes to begin: a container among them is found anyway.
TEST(Lives, ThatBeganAmongTooManyAreFoundByReconciliation) {
  World world;
  world.core->discover();
  const auto record = world.make("aaaa");
  world.source.failing = Error{EMFILE, "Too many open files"};
  auto other = record;
  for (std::uint64_t cgroup = 1000; cgroup < 1300; ++cgroup) {
    other.cgroup = cgroup;
    world.live(other);
  }
  world.live(record);
  world.source.failing.reset();
  EXPECT_EQ(world.view("aaaa").info.id, "");
  world.clock.pass(kSecondNs);
  world.settle();
  EXPECT_EQ(world.view("aaaa").info.id, "aaaa");
}

// A service with a root of its own is nobody's to watch.
TEST(Lives, ThatAreNoContainersAreLetGo) {
  World world;
  const auto record = world.make("aaaa");
  world.source.known.erase("aaaa");
  world.kernel.cgroups.insert(record.cgroup);
  world.live(record);
  for (int i = 0; i < 20; ++i) {
    world.clock.pass(kSecondNs / 2);
    world.settle();
  }
  EXPECT_TRUE(world.kernel.cgroups.empty());
  EXPECT_TRUE(world.kernel.held.empty());
}

TEST(Lives, WithoutARootfsAreUnknownUntilItIsFound) {
  World world;
  auto record = world.make("aaaa");
  auto hidden = record;
  hidden.root = {};
  hidden.layers = {};
  world.source.known["aaaa"] = hidden;
  auto seen = record;
  seen.root = {};
  world.live(seen);
  world.settle();
  EXPECT_EQ(world.view("aaaa").state, ContainerState::unknown);
  EXPECT_FALSE(world.view("aaaa").complete);
  world.source.known["aaaa"] = record;
  world.write(record, "new");
  world.clock.pass(2 * kSecondNs);
  world.settle();
  EXPECT_EQ(world.view("aaaa").state, ContainerState::mutated);
}

TEST(Lives, ThatEndedUnseenAreFoundByReconciliation) {
  World world;
  const auto record = world.make("aaaa");
  world.live(record);
  world.settle();
  world.source.known.erase("aaaa");
  world.clock.pass(61 * kSecondNs);
  world.settle();
  world.clock.pass(kSecondNs);
  world.settle();
  const auto kinds = world.kinds();
  EXPECT_EQ(std::count(kinds.begin(), kinds.end(), "removed"), 1);
}

TEST(Lives, ThatBeganUnseenAreFoundByReconciliation) {
  World world;
  world.core->discover();
  world.make("aaaa");
  EXPECT_EQ(world.view("aaaa").info.id, "");
  world.clock.pass(61 * kSecondNs);
  world.settle();
  EXPECT_EQ(world.view("aaaa").state, ContainerState::still);
}

TEST(Lives, ChangesToAStoppedUpperDirectoryWaitForItsRemoval) {
  World world;
  const auto record = world.make("aaaa");
  world.live(record);
  world.write(record, "new");
  world.settle();
  world.exit(record);
  auto direct = world.wrote(record, "new");
  direct.direct = true;
  direct.live = false;
  direct.op = FileOp::unlink;
  world.core->observe(direct);
  world.source.known.erase("aaaa");
  world.clock.pass(kSecondNs);
  world.settle();
  const auto kinds = world.kinds();
  EXPECT_EQ(std::count(kinds.begin(), kinds.end(), "file_delete"), 0);
  EXPECT_EQ(std::count(kinds.begin(), kinds.end(), "removed"), 1);
}

// ---- Start.

TEST(Start, IsOverWhenEachContainerFoundHasBeenScannedOrIsGone) {
  World world;
  const auto first = world.make("aaaa");
  world.make("bbbb");
  world.core->discover();
  EXPECT_EQ(world.core->first_scans_left(), 2u);
  world.core->turn();
  world.runner.carry_out();
  world.runner.hand_back();
  EXPECT_EQ(world.core->first_scans_left(), 1u);
  world.remove(first);
  world.settle();
  EXPECT_TRUE(world.core->first_scans_done());
  EXPECT_TRUE(world.core->take_snapshot()->ready);
}

containers::ContainerSource::Member member(std::uint32_t pid,
                                           std::uint64_t start_ns,
                                           bool from_init) {
  containers::ContainerSource::Member out;
  out.pid = pid;
  out.start_ns = start_ns;
  out.from_init = from_init;
  out.session_leader = from_init ? 0 : pid;
  return out;
}

// The kernel side makes nothing of a first exec until it was given all there
// are.
TEST(Start, TakesInWhatBeganMeanwhile) {
  World world;
  world.make("aaaa");
  world.kernel.began_meanwhile = [&] {
    world.make("bbbb");
    world.source.within.push_back(member(77, kSecondNs, false));
  };
  world.core->discover();
  EXPECT_EQ(world.kernel.said_known, 1);
  EXPECT_EQ(world.view("bbbb").info.id, "bbbb");
  EXPECT_TRUE(world.kernel.followed.contains(77));
}

// What a container does that ran before the kernel side knew of it is its own
// work, and none of a runtime that prepares it; unless it was seen to begin.
TEST(Start, TakesNobodyWhoRunsAlreadyForTheRuntime) {
  struct Case {
    std::uint64_t age = 0;  // when the kernel side knew of it; 0: not before
    bool by_init = true;
    bool seen_to_begin = false;
    Origin origin;
  };
  for (const Case& c : {Case{60 * kSecondNs, true, false, Origin::workload},
                        Case{1, false, false, Origin::workload},
                        // It prepares the container, as far as anybody knows.
                        Case{1, true, false, Origin::runtime},
                        Case{0, true, false, Origin::runtime},
                        Case{60 * kSecondNs, true, true, Origin::runtime}}) {
    World world;
    const auto record = world.make("aaaa");
    world.clock.boot += 60 * kSecondNs;
    world.kernel.lives_since = c.age == 0 ? 0 : record.init_start_ns + c.age;
    world.write(record, "new");
    auto seen = world.wrote(record, "new");
    seen.live = false;
    if (!c.by_init) seen.process.pid = record.init_pid + 1;
    seen.process.followed = false;
    world.source.within = {
        member(seen.process.pid, seen.process.start_ns, true)};
    world.core->discover();
    if (c.seen_to_begin) world.live(record);
    world.core->observe(seen);
    world.settle();
    const Asked<DiffAnswer> asked;
    world.core->requests().diff("aaaa", DiffPart::changes, asked.reply());
    world.settle();
    ASSERT_TRUE(asked.once() && asked.answer());
    EXPECT_EQ(asked.answer()->changes[0].actors.at(0).origin, c.origin);
  }
}

// Who was not seen has made it, perhaps; whoever is seen next in its directory
// has not for that.
TEST(Start, BlamesNobodyForWhatWasThereBefore) {
  World world;
  const auto record = world.make("aaaa");
  world.write(record, "old");
  auto seen = world.wrote(record, "old");
  seen.entries = true;
  seen.inode = record.root.inode;
  seen.parent = {};
  seen.name.clear();
  seen.hint = "another";
  seen.created = false;
  seen.mode = S_IFDIR | 0755;
  world.core->discover();
  world.core->observe(seen);
  world.settle();
  const Asked<DiffAnswer> asked;
  world.core->requests().diff("aaaa", DiffPart::changes, asked.reply());
  world.settle();
  ASSERT_TRUE(asked.once() && asked.answer());
  EXPECT_EQ(asked.answer()->changes[0].actors.at(0).origin,
            Origin::unattributed);
}

// ---- Of whom the kernel side has not seen the start.

struct Stranger {
  const char* name;
  std::uint32_t pid;
  std::uint32_t parent;
  std::uint64_t start_ns;
  Origin origin;
};

TEST(Strangers, AreWhoTheirParentsAre) {
  constexpr std::uint64_t kStart = 5 * kSecondNs;
  constexpr std::uint32_t kInit = 1;  // stands for the container's own
  constexpr std::uint32_t kOwn = 20;
  constexpr std::uint32_t kEntered = 30;
  const Stranger cases[] = {
      {"the workload's", kOwn, kInit, kStart, Origin::workload},
      {"of an exec", kEntered, 2, kStart, Origin::exec},
      {"of that number now", kOwn, 2, kStart + kSecondNs, Origin::unattributed},
      {"gone, a child of the workload", 99, kOwn, kStart + kSecondNs,
       Origin::workload},
      {"gone, a child of an exec", 99, kEntered, kStart + kSecondNs,
       Origin::exec},
      {"gone, before what is its parent's number now", 99, kEntered,
       kStart - kSecondNs, Origin::unattributed},
      {"gone, of init, perhaps an orphan", 99, kInit, kStart,
       Origin::unattributed},
      {"gone, like its parent", 99, 98, kStart, Origin::unattributed},
  };
  for (const Stranger& one : cases) {
    World world;
    const auto record = world.make("aaaa");
    world.core->discover();
    world.settle();
    world.source.within = {member(record.init_pid, kSecondNs, true),
                           member(kOwn, kStart, true),
                           member(kEntered, kStart, false)};
    world.write(record, "new");
    auto seen = world.wrote(record, "new");
    seen.process.followed = false;
    seen.process.pid = one.pid;
    seen.process.ppid = one.parent == kInit ? record.init_pid : one.parent;
    seen.process.start_ns = one.start_ns;
    world.core->observe(seen);
    world.settle();
    const Asked<DiffAnswer> asked;
    world.core->requests().diff("aaaa", DiffPart::changes, asked.reply());
    world.settle();
    ASSERT_TRUE(asked.once()) << one.name;
    EXPECT_EQ(asked.answer()->changes[0].actors.at(0).origin, one.origin)
        << one.name;
  }
}

TEST(Start, DoesNotWaitForWhatCannotBeScanned) {
  World world;
  auto record = world.make("aaaa");
  record.root = {};
  record.layers = {};
  world.source.known["aaaa"] = record;
  world.core->discover();
  EXPECT_TRUE(world.core->first_scans_done());
}

// ---- Time.

TEST(Time, ThatJumpsFarAheadCausesOneScanOfEach) {
  World world;
  world.live(world.make("aaaa"));
  world.settle();
  const std::size_t before = world.runner.submitted;
  world.clock.pass(30ull * 24 * 3600 * kSecondNs);
  world.settle();
  EXPECT_LE(world.runner.submitted - before, 2u);
  EXPECT_GT(world.core->next_turn_ns(), world.clock.boot);
}

TEST(Time, WallClockSetBackStopsNothing) {
  World world;
  const auto record = world.make("aaaa");
  world.live(record);
  world.settle();
  world.clock.wall_ns -= 3600ll * 1'000'000'000;
  world.write(record, "new");
  world.core->observe(world.wrote(record, "new"));
  world.settle();
  EXPECT_EQ(world.view("aaaa").state, ContainerState::mutated);
  EXPECT_GT(world.core->next_turn_ns(), world.clock.boot);
}

// By a session that dpkg is run in, the run's number as the kernel side has it.
TEST(Lives, AnUpdateIsSaidOnceHoweverItEnds) {
  constexpr std::uint64_t kSession = 9;
  const std::uint64_t run =
      sf_run(std::uint64_t{10}, std::uint64_t{SF_TOOL_DPKG});
  for (const bool removed : {false, true}) {
    World world;
    const auto record = world.make("web");
    world.live(record);
    world.settle();
    RunObservation began;
    began.root = record.root;
    began.command = "dpkg -i jq.deb";
    began.process.run = run;
    world.core->observe(began);
    for (const char* name : {"one", "two"}) {
      World::write(record, name);
      auto seen = world.wrote(record, name);
      seen.process.session = kSession;
      seen.process.run = run;
      world.core->observe(seen);
      world.settle();
    }
    ExitObservation ended;
    ended.boot_ns = world.clock.boot;
    ended.process.cgroup = record.cgroup;
    ended.process.session = kSession;
    ended.process.run = run;
    if (removed) {
      world.exit(record);
      world.remove(record);
    } else {
      world.core->observe(ended);
    }
    for (int i = 0; i < 8; ++i) {
      world.clock.pass(kSecondNs);
      world.settle();
    }
    const auto kinds = world.kinds();
    EXPECT_EQ(std::count(kinds.begin(), kinds.end(), "update_started"), 1);
    EXPECT_EQ(std::count(kinds.begin(), kinds.end(), "update_ended"), 1);
    const Snapshot snapshot = *world.core->take_snapshot();
    const auto counted =
        snapshot.in_place_updates.find({"", record.info.workload, "dpkg"});
    ASSERT_NE(counted, snapshot.in_place_updates.end());
    EXPECT_EQ(counted->second, 1u);
  }
}

}  // namespace
}  // namespace stillframe::engine::test
