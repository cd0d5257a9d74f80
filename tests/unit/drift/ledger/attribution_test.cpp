// SPDX-License-Identifier: Apache-2.0
//
// What scans find, and who is named for it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/drift/ledger/world.h"

namespace stillframe::drift::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class Attribution : public ::testing::Test {
 protected:
  Attribution() {
    w.put("/etc", 10, Change::none, kDirectory);
    w.drift->started(w.record, 1);
    w.settle();
  }
  World w;
  Actor rm = actor("rm", Origin::exec, 1);
  Actor apt = actor("apt", Origin::exec, 2);
};

struct StateCase {
  std::string name;
  Change change;
  std::uint32_t mode;
  Difference differs;
  std::vector<std::string> kinds;
};

class State : public ::testing::TestWithParam<StateCase> {};

TEST_P(State, AloneShowsTheKind) {
  const auto& c = GetParam();
  World w;
  if (c.change == Change::deleted) {
    w.whiteout("/x", c.mode);
  } else {
    w.put("/x", 50, c.change, c.mode).differs = c.differs;
  }
  w.settle();
  EXPECT_EQ(w.kinds("/x"), c.kinds);
  EXPECT_THAT(w.who("/x"), ElementsAre("unattributed"));
  EXPECT_THAT(w.events, SizeIs(c.kinds.size()));
}

INSTANTIATE_TEST_SUITE_P(
    All, State,
    ::testing::Values(
        StateCase{"new_file", Change::added, kFile, {}, {"file_create"}},
        StateCase{
            "new_directory", Change::added, kDirectory, {}, {"dir_create"}},
        StateCase{
            "new_device", Change::added, S_IFCHR | 0600, {}, {"device_create"}},
        StateCase{"deleted_file", Change::deleted, kFile, {}, {"file_delete"}},
        StateCase{"deleted_directory",
                  Change::deleted,
                  kDirectory,
                  {},
                  {"dir_delete"}},
        StateCase{"content",
                  Change::changed,
                  kFile,
                  {.content = true, .time = true},
                  {"unknown_change"}},
        StateCase{
            "type", Change::changed, kFile, {.type = true}, {"unknown_change"}},
        StateCase{
            "metadata",
            Change::changed,
            kFile,
            {.mode = true, .owner = true, .xattr = true, .acl = true},
            {"mode_change", "owner_change", "xattr_change", "acl_change"}},
        StateCase{"time_alone",
                  Change::changed,
                  kFile,
                  {.time = true},
                  {"time_change"}},
        StateCase{"opaque",
                  Change::changed,
                  kDirectory,
                  {.opaque = true},
                  {"dir_delete"}},
        StateCase{"nothing", Change::changed, kFile, {}, {"copy_up"}}),
    [](const auto& info) { return info.param.name; });

TEST_F(Attribution, OneCandidateDidIt) {
  w.whiteout("/etc/motd");
  w.drift->observe(w.entries_seen(FileOp::unlink, "/etc", "/etc/motd"), rm);
  EXPECT_THAT(w.events, IsEmpty());
  w.settle();
  EXPECT_THAT(w.kinds("/etc/motd"), ElementsAre("file_delete"));
  EXPECT_THAT(w.who("/etc/motd"), ElementsAre("exec:rm"));
  EXPECT_THAT(w.reported(),
              ElementsAre("file_delete /etc/motd by rm violation"));
  EXPECT_EQ(w.row("/etc")->kinds, (KindList{Kind::copy_up}));
}

TEST_F(Attribution, OfTwoTheHintDecidesElseBothAreAmbiguous) {
  w.whiteout("/etc/a");
  w.whiteout("/etc/b");
  w.whiteout("/etc/c", kDirectory);
  w.drift->observe(w.entries_seen(FileOp::unlink, "/etc", "/etc/a"), rm);
  w.drift->observe(w.entries_seen(FileOp::unlink, "/etc", "b"), apt);
  w.settle();
  EXPECT_THAT(w.who("/etc/a"), ElementsAre("exec:rm"));
  EXPECT_THAT(w.who("/etc/b"), ElementsAre("exec:apt"));
  EXPECT_THAT(w.who("/etc/c"), ElementsAre("exec:rm?", "exec:apt?"));
  EXPECT_THAT(w.kinds("/etc/c"), ElementsAre("dir_delete"));
}

TEST_F(Attribution, AnOpenCopiesUp) {
  w.put("/etc/hosts.allow", 50, Change::changed);
  w.drift->observe(w.entries_seen(FileOp::open, "/etc", "/etc/hosts.allow"),
                   apt);
  w.settle();
  EXPECT_THAT(w.kinds("/etc/hosts.allow"), ElementsAre("copy_up"));
  EXPECT_THAT(w.who("/etc/hosts.allow"), ElementsAre("exec:apt"));
  EXPECT_EQ(w.row("/etc/hosts.allow")->verdict, Verdict::restored);
}

TEST_F(Attribution, AnOpenThatLeftOtherBytesIsMoreThanACopyUp) {
  w.put("/etc/x", 50, Change::changed).differs.content = true;
  w.drift->observe(w.entries_seen(FileOp::open, "/etc", "/etc/x"), apt);
  w.settle();
  EXPECT_THAT(w.kinds("/etc/x"), ElementsAre("copy_up", "file_write"));
  EXPECT_EQ(w.row("/etc/x")->verdict, Verdict::violation);
}

TEST_F(Attribution, AnOpenThatLeftNoBytesHasEmptiedIt) {
  Entry& emptied = w.put("/etc/x", 50, Change::changed);
  emptied.differs.content = true;
  emptied.size = 0;
  w.drift->observe(w.entries_seen(FileOp::open, "/etc", "/etc/x"), apt);
  w.settle();
  EXPECT_THAT(w.kinds("/etc/x"), ElementsAre("copy_up", "file_truncate"));
}

TEST_F(Attribution, OfTwoThatDidDifferentThingsNeitherIsSaidToHaveWritten) {
  w.put("/etc/x", 50, Change::changed).differs.content = true;
  w.drift->observe(w.entries_seen(FileOp::open, "/etc", "/etc/x"), apt);
  auto rename = w.entries_seen(FileOp::rename, "/etc", "/etc/y");
  rename.hint_to = "/etc/x";
  w.drift->observe(rename, rm);
  w.settle();
  EXPECT_THAT(w.kinds("/etc/x"), ElementsAre("unknown_change"));
  EXPECT_THAT(w.who("/etc/x"), ElementsAre("exec:apt?", "exec:rm?"));
}

// Where the image's own file of that name was removed before. The look may be
// there before the report of what it does to the inode.
TEST_F(Attribution, ALinkInTheImagesPlaceWritesNothing) {
  for (const bool known : {true, false}) {
    World one;
    one.put("/etc", 10, Change::none, kDirectory);
    auto& written = one.put("/etc/f", 50, Change::changed);
    written.differs.content = true;
    one.whiteout("/etc/c");
    one.drift->started(one.record, 1);
    if (known) one.drift->observe(one.seen(FileOp::write, "/etc/f", 50), apt);
    one.settle();
    one.events.clear();
    one.now += 60'000'000'000;
    one.clock.advance(60'000'000'000);
    one.take("/etc/c");
    one.put("/etc/c", 50, Change::changed) = one.at("/etc/f");
    auto& linked = one.at("/etc/c");
    linked.name = "c";
    linked.links = one.at("/etc/f").links = 2;
    linked.ctime = one.at("/etc/f").ctime = one.wall(one.now);
    one.drift->observe(one.entries_seen(FileOp::link, "/etc", "/etc/c"), rm);
    one.settle();
    EXPECT_THAT(one.reported(), ElementsAre("file_link /etc/c by rm violation"))
        << known;
  }
}

// Overlay puts an opaque one in its place for that, with its owner.
TEST_F(Attribution, WhoRemovesADirectoryDoesNothingElseToIt) {
  auto& opaque = w.put("/etc/d", 50, Change::changed, kDirectory);
  opaque.differs = {.mode = true, .owner = true, .opaque = true};
  w.drift->observe(w.entries_seen(FileOp::unlink, "/etc", "/etc/d"), rm);
  w.drift->observe(w.entries_seen(FileOp::mkdir, "/etc", "/etc/d"), rm);
  w.settle();
  EXPECT_THAT(w.reported(), ElementsAre("dir_delete /etc/d by rm violation"));
}

// A scan under way shows what had the inode number before.
TEST_F(Attribution, WhatIsGoneTakesNoRecordOfWhatHasItsNumberSince) {
  w.put("/etc/old", 50, Change::added).inode.generation = 1;
  w.drift->request_full_scan();
  const ScanWork work = w.drift->take_work();
  const ScanResult scan = w.full_scan();
  w.take("/etc/old");
  auto& now = w.put("/etc/x", 50, Change::changed);
  now.inode.generation = 2;
  now.differs.content = true;
  auto seen = w.seen(FileOp::truncate, "/etc/x", 50);
  seen.inode.generation = 2;
  w.drift->observe(seen, apt);
  w.drift->applied(scan);
  w.settle();
  EXPECT_THAT(w.kinds("/etc/x"), ElementsAre("file_truncate"));
  EXPECT_THAT(w.who("/etc/x"), ElementsAre("exec:apt"));
}

// Past the overlay: of who made it the directory alone tells.
TEST_F(Attribution, WhoMadeAFileIsDistinguishedFromWhoWroteToIt) {
  w.put("/etc/x", 50, Change::added);
  auto made = w.entries_seen(FileOp::create, "/etc", "/etc/x");
  made.direct = true;
  w.drift->observe(made, rm);
  auto written = w.seen(FileOp::write, "/etc/x", 50);
  written.direct = true;
  w.drift->observe(written, apt);
  w.settle();
  EXPECT_THAT(w.reported(), ElementsAre("file_write /etc/x by apt violation",
                                        "file_create /etc/x by rm violation"));
  EXPECT_THAT(w.who("/etc/x"), ElementsAre("exec:apt", "exec:rm"));
  EXPECT_THAT(w.kinds("/etc/x"), ElementsAre("file_write", "file_create"));
}

TEST_F(Attribution, ARenamedDirectoryTakesItsOwnAlong) {
  w.put("/etc/a", 60, Change::added, kDirectory);
  w.drift->observe(w.seen(FileOp::mkdir, "/etc/a", 60), apt);
  w.put("/etc/a/x", 61, Change::added);
  w.drift->observe(w.seen(FileOp::create, "/etc/a/x", 61), apt);
  w.settle();
  w.move("/etc/a", "/etc/b");
  w.drift->observe(w.entries_seen(FileOp::rename, "/etc", "/etc/b"),
                   actor("mv"));
  w.settle();
  EXPECT_EQ(w.row("/etc/a"), nullptr);
  EXPECT_THAT(w.kinds("/etc/b"), ElementsAre("dir_create", "file_rename"));
  EXPECT_EQ(w.former("/etc/b"), "/etc/a");
  EXPECT_THAT(w.who("/etc/b"), ElementsAre("exec:apt", "exec:mv"));
  EXPECT_THAT(w.who("/etc/b/x"), ElementsAre("exec:apt"));
  EXPECT_EQ(w.reported().back(), "file_rename /etc/b by mv violation");
  EXPECT_EQ(w.drift->summary().mutated_paths, 2u);
}

TEST_F(Attribution, ANewSubtreeIsItsMakers) {
  w.put("/etc/d", 60, Change::added, kDirectory);
  w.put("/etc/d/e", 61, Change::added, kDirectory);
  w.put("/etc/d/e/f", 62, Change::added);
  w.drift->observe(w.entries_seen(FileOp::rename, "/etc"), apt);
  w.settle();
  EXPECT_THAT(w.kinds("/etc/d"), ElementsAre("file_rename"));
  EXPECT_THAT(w.who("/etc/d/e/f"), ElementsAre("exec:apt"));
}

TEST_F(Attribution, WhatWasMadeBeforeTheCandidateIsNotIts) {
  auto& e = w.put("/etc/x", 50, Change::added);
  w.drift->observe(w.entries_seen(FileOp::create, "/etc"), apt);
  e.ctime.ns -= 3'000'000'000;
  w.settle();
  EXPECT_THAT(w.who("/etc/x"), ElementsAre("unattributed"));
}

TEST_F(Attribution, CandidatesEndWithTheScanThatSawTheirWork) {
  w.whiteout("/etc/a");
  w.drift->observe(w.entries_seen(FileOp::unlink, "/etc"), rm);
  w.settle();
  w.whiteout("/etc/b");
  w.drift->request_full_scan();
  w.settle();
  EXPECT_THAT(w.who("/etc/a"), ElementsAre("exec:rm"));
  EXPECT_THAT(w.who("/etc/b"), ElementsAre("unattributed"));
}

TEST_F(Attribution, CandidatesNewerThanTheScanStay) {
  w.drift->observe(w.entries_seen(FileOp::unlink, "/etc"), apt);
  const auto work = w.drift->take_work();
  const auto result = w.part_of(work);
  w.drift->observe(w.entries_seen(FileOp::unlink, "/etc"), rm);
  w.whiteout("/etc/a");
  w.drift->applied(result);
  EXPECT_FALSE(w.drift->summary().complete);
  w.settle();
  EXPECT_THAT(w.who("/etc/a"), ElementsAre("exec:rm"));
}

TEST_F(Attribution, AfterALossNobodyIsNamed) {
  w.whiteout("/etc/a");
  w.drift->observe(w.entries_seen(FileOp::unlink, "/etc", "/etc/a"), rm);
  w.drift->lost(w.tick());
  EXPECT_FALSE(w.drift->summary().complete);
  EXPECT_EQ(w.settle().full, 1);
  EXPECT_THAT(w.who("/etc/a"), ElementsAre("unattributed"));
  EXPECT_TRUE(w.drift->summary().complete);
}

TEST_F(Attribution, ALaterChangeThatNobodySawIsUnattributed) {
  auto& e = w.put("/etc/x", 50, Change::added);
  w.drift->observe(w.seen(FileOp::create, "/etc/x", 50), apt);
  w.settle();
  e.ctime.ns += 1'500'000'000;  // repeats are reported at most once a second
  w.drift->request_full_scan();
  w.settle();
  EXPECT_THAT(w.who("/etc/x"), ElementsAre("exec:apt"));
  e.ctime.ns += 10'000'000'000;
  w.drift->request_full_scan();
  w.settle();
  EXPECT_THAT(w.who("/etc/x"), ElementsAre("exec:apt", "unattributed"));
  EXPECT_EQ(w.row("/etc/x")->count, 2u);
}

TEST_F(Attribution, ADirectoryIsNotChangedByItsEntries) {
  auto& d = w.put("/etc/d", 60, Change::added, kDirectory);
  w.drift->observe(w.seen(FileOp::mkdir, "/etc/d", 60), apt);
  w.settle();
  w.put("/etc/d/x", 61, Change::added);
  w.drift->observe(w.entries_seen(FileOp::create, "/etc/d"), rm);
  w.drift->observe(w.seen(FileOp::create, "/etc/d/x", 61), rm);
  d.ctime.ns += 60'000'000'000;
  w.settle();
  EXPECT_THAT(w.who("/etc/d"), ElementsAre("exec:apt"));
  EXPECT_THAT(w.kinds("/etc/d"), ElementsAre("dir_create"));
}

TEST_F(Attribution, WhatCameAndWentInADirectoryIsNoChangeOfIt) {
  auto& lib = w.put("/lib", 80, Change::none, kDirectory);
  lib.differs.time = true;
  w.drift->observe(w.entries_seen(FileOp::open, "/"), apt);
  w.drift->observe(w.entries_seen(FileOp::create, "/lib", "/lib/lock"), apt);
  w.drift->observe(w.seen(FileOp::create, "/lib/lock", 81), apt);
  w.drift->observe(w.seen(FileOp::unlink, "/lib/lock", 81), apt);
  w.settle();
  const auto* row = w.row("/lib");
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->verdict, Verdict::restored);
  EXPECT_THAT(w.who("/lib"), ElementsAre("exec:apt"));
  EXPECT_NE(w.drift->summary().state, ContainerState::mutated);
}

TEST_F(Attribution, VanishedWithoutAnEventIsReported) {
  w.put("/etc/x", 50, Change::added);
  w.drift->observe(w.seen(FileOp::create, "/etc/x", 50), apt);
  w.settle();
  w.take("/etc/x");
  w.drift->observe(w.entries_seen(FileOp::unlink, "/etc", "/etc/x"), rm);
  w.settle();
  EXPECT_EQ(w.row("/etc/x"), nullptr);
  EXPECT_EQ(w.reported().back(), "file_delete /etc/x by rm violation");
  EXPECT_THAT(w.events, SizeIs(2));
}

// A scan may see what an operation has done before it is over.
TEST_F(Attribution, WhatAScanHasReportedTheOperationDoesNotReportAgain) {
  w.put("/etc/d", 50, Change::added, kDirectory);
  w.drift->observe(w.seen(FileOp::mkdir, "/etc/d", 50), apt);
  w.settle();
  w.take("/etc/d");
  w.drift->observe(w.entries_seen(FileOp::unlink, "/etc"), rm);
  w.settle();
  ASSERT_THAT(w.events, SizeIs(2));
  EXPECT_EQ(w.reported().back(), "dir_delete /etc/d by rm violation");
  w.drift->observe(w.seen(FileOp::rmdir, "/etc/d", 50), rm);
  w.settle();
  EXPECT_THAT(w.events, SizeIs(2));
  w.drift->observe(w.seen(FileOp::rmdir, "/etc/d", 51), rm);
  w.settle();
  EXPECT_THAT(w.events, SizeIs(3));
}

TEST_F(Attribution, TwoScansOfOneOperationTellItOnce) {
  auto& opaque = w.put("/etc/d", 50, Change::changed, kDirectory);
  opaque.differs.opaque = true;
  w.drift->observe(w.entries_seen(FileOp::unlink, "/etc"), rm);
  w.settle();
  ASSERT_THAT(w.events, SizeIs(1));
  EXPECT_EQ(w.reported().back(), "dir_delete /etc/d by rm violation");
  w.take("/etc/d");
  w.whiteout("/etc/d", kDirectory);
  w.drift->observe(w.entries_seen(FileOp::unlink, "/etc"), rm);
  w.settle();
  w.drift->observe(w.seen(FileOp::rmdir, "/etc/d", 50), rm);
  w.settle();
  EXPECT_THAT(w.events, SizeIs(1));
  EXPECT_THAT(w.kinds("/etc/d"), ElementsAre("dir_delete"));
}

TEST_F(Attribution, AScanThatSawARemovalUnderWayDoesNotTellItAgain) {
  auto& opaque = w.put("/etc/d", 50, Change::changed, kDirectory);
  opaque.differs.opaque = true;
  w.drift->observe(w.entries_seen(FileOp::unlink, "/etc"), rm);
  const auto work = w.drift->take_work();
  const auto result = w.part_of(work);
  w.drift->observe(w.seen(FileOp::rmdir, "/etc/d", 51), rm);
  ASSERT_THAT(w.events, SizeIs(1));
  w.drift->applied(result);
  EXPECT_THAT(w.events, SizeIs(1));
  w.take("/etc/d");
  w.whiteout("/etc/d", kDirectory);
  w.settle();
  EXPECT_THAT(w.events, SizeIs(1));
  EXPECT_THAT(w.who("/etc/d"), ElementsAre("exec:rm"));
}

// Overlay is not done yet when what was there is gone.
TEST_F(Attribution, ALookBetweenARemovalAndItsWhiteoutForgetsNobody) {
  auto& opaque = w.put("/etc/d", 51, Change::changed, kDirectory);
  opaque.differs.opaque = true;
  w.drift->observe(w.seen(FileOp::rmdir, "/etc/d", 50), rm);
  w.settle();
  w.take("/etc/d");
  w.whiteout("/etc/d", kDirectory);
  w.drift->observe(w.entries_seen(FileOp::mkdir, "/etc", "/etc/other"), apt);
  w.settle();
  EXPECT_THAT(w.reported(), ElementsAre("dir_delete /etc/d by rm violation"));
  EXPECT_THAT(w.who("/etc/d"), ElementsAre("exec:rm"));
}

TEST_F(Attribution, ARepeatWithinASecondIsCountedAndNotReported) {
  w.put("/etc/x", 50, Change::added);
  for (int i = 0; i < 3; ++i) {
    w.drift->observe(w.seen(FileOp::write, "/etc/x", 50), apt);
  }
  w.drift->observe(w.seen(FileOp::write, "/etc/x", 51), apt);
  w.now += 1'000'000'000;
  w.drift->observe(w.seen(FileOp::write, "/etc/x", 50), apt);
  w.settle();
  EXPECT_THAT(w.events, SizeIs(3));
  EXPECT_EQ(w.row("/etc/x")->count, 4u);
}

TEST_F(Attribution, NothingIsReportedTwice) {
  w.put("/etc/x", 50, Change::added);
  w.whiteout("/etc/y");
  w.drift->observe(w.seen(FileOp::create, "/etc/x", 50), apt);
  w.drift->observe(w.entries_seen(FileOp::unlink, "/etc"), apt);
  w.settle();
  ASSERT_THAT(w.events, SizeIs(2));
  for (int i = 0; i < 3; ++i) {
    w.drift->request_full_scan();
    w.settle();
  }
  EXPECT_THAT(w.events, SizeIs(2));
}

// The event of what either of two may have done names neither.
TEST_F(Attribution, AnEventNamesWhatIsTrueOfAllWhoMayHaveDoneIt) {
  w.whiteout("/etc/c");
  w.drift->observe(w.entries_seen(FileOp::unlink, "/etc"), rm);
  w.drift->observe(w.entries_seen(FileOp::unlink, "/etc"), apt);
  w.settle();
  ASSERT_THAT(w.events, SizeIs(1));
  const Actor& by = *w.events.front().actor;
  EXPECT_EQ(by.origin, Origin::exec);
  EXPECT_EQ(by.comm, "");
  EXPECT_EQ(by.pid, 0u);
  EXPECT_TRUE(by.ambiguous);
}

TEST_F(Attribution, WhoMadeSomethingBesideItTookNothingAway) {
  w.whiteout("/etc/a");
  w.put("/etc/x", 50, Change::added);
  w.drift->observe(w.entries_seen(FileOp::unlink, "/etc", "b"), rm);
  w.drift->observe(w.entries_seen(FileOp::create, "/etc", "a"), apt);
  w.drift->observe(w.seen(FileOp::create, "/etc/x", 50), apt);
  w.settle();
  EXPECT_THAT(w.who("/etc/a"), ElementsAre("exec:rm"));
}

TEST_F(Attribution, ALinkedFileIsNoDirectoryOfItsNeighbour) {
  w.put("/etc/x", 50, Change::changed);
  w.drift->observe(w.entries_seen(FileOp::link, "/etc", "y"), apt);
  w.drift->observe(w.entries_seen(FileOp::mkdir, "/etc", "d"), apt);
  w.settle();
  EXPECT_THAT(w.kinds("/etc/x"), ElementsAre("copy_up"));
}

// The scan that finds the link comes before that which finds the file.
TEST_F(Attribution, ALinkOfAFileThatIsYetToBeFoundWasNotMade) {
  w.put("/lib", 80, Change::none, kDirectory);
  w.drift->request_full_scan();
  w.settle();
  w.drift->observe(w.entries_seen(FileOp::link, "/lib", "y"), apt);
  w.tick();
  const ScanWork work = w.drift->take_work();
  w.put("/etc/x", 50, Change::changed).differs.content = true;
  w.drift->observe(w.seen(FileOp::truncate, "/etc/x", 50), rm);
  w.at("/etc/x").links = 2;
  w.put("/lib/y", 50, Change::added).links = 2;
  w.drift->applied(w.part_of(work));
  w.settle();
  EXPECT_THAT(w.kinds("/lib/y"), ElementsAre("file_truncate", "file_link"));
  EXPECT_THAT(w.kinds("/etc/x"), ElementsAre("file_truncate", "file_link"));
}

// The kernel side folds what a process repeats until the report is taken out,
// and a look may come in between.
TEST_F(Attribution, WhatFollowsUnreportedIsTheSameProcesss) {
  w.whiteout("/etc/a");
  auto seen = w.entries_seen(FileOp::unlink, "/etc", "/etc/a");
  seen.folded_until_ns = w.now + 3'000'000;
  w.drift->observe(seen, rm);
  w.drift->request_full_scan();
  w.settle();
  EXPECT_THAT(w.who("/etc/a"), ElementsAre("exec:rm"));
  w.whiteout("/etc/b");
  w.drift->request_full_scan();
  w.settle();
  EXPECT_THAT(w.who("/etc/b"), ElementsAre("exec:rm"));
  w.now += 10'000'000;
  w.drift->request_full_scan();
  w.settle();
  w.whiteout("/etc/c");
  w.drift->request_full_scan();
  w.settle();
  w.clock.advance(10'000'000'000);
  w.drift->caught_up(w.clock.boot_ns());
  EXPECT_THAT(w.who("/etc/c"), ElementsAre("unattributed"));
}

// Where it was is looked at before the directory that it was moved to, which
// has just been looked at.
TEST_F(Attribution, AFileThatIsYetToBeFoundElsewhereKeepsItsStory) {
  w.put("/lib", 80, Change::none, kDirectory);
  w.put("/etc/x", 50, Change::added);
  w.drift->observe(w.seen(FileOp::create, "/etc/x", 50), apt);
  w.drift->request_full_scan();
  w.settle();
  w.put("/lib/z", 51, Change::added);
  w.drift->observe(w.seen(FileOp::create, "/lib/z", 51), apt);
  w.now += 10'000'000;
  w.clock.advance(10'000'000);
  PartialResult slow = w.part_of(w.drift->take_work());
  slow.duration_ns = 1'000'000'000;
  w.drift->applied(slow);
  w.move("/etc/x", "/lib/x");
  w.drift->observe(w.seen(FileOp::rename, "/lib/x", 50), rm);
  w.settle();
  w.now += 20'000'000'000;
  w.clock.advance(20'000'000'000);
  w.settle();
  EXPECT_THAT(w.who("/lib/x"), ElementsAre("exec:apt", "exec:rm"));
  EXPECT_THAT(w.kinds("/lib/x"), ElementsAre("file_create", "file_rename"));
}

TEST_F(Attribution, ExchangedDirectoriesAreBothRenamed) {
  w.put("/etc/a", 60, Change::added, kDirectory);
  w.put("/etc/b", 61, Change::added, kDirectory);
  w.drift->observe(w.seen(FileOp::mkdir, "/etc/a", 60), apt);
  w.drift->observe(w.seen(FileOp::mkdir, "/etc/b", 61), apt);
  w.settle();
  w.at("/etc/a").inode.ino = 61;
  w.at("/etc/b").inode.ino = 60;
  w.drift->observe(w.entries_seen(FileOp::rename, "/etc", "a"), actor("mv"));
  w.settle();
  for (const auto* path : {"/etc/a", "/etc/b"}) {
    EXPECT_THAT(w.who(path), ElementsAre("exec:apt", "exec:mv")) << path;
    EXPECT_THAT(w.kinds(path), ElementsAre("dir_create", "file_rename"));
  }
  EXPECT_EQ(w.former("/etc/a"), "/etc/b");
  EXPECT_EQ(w.former("/etc/b"), "/etc/a");
  EXPECT_THAT(w.events, SizeIs(4));
}

TEST_F(Attribution, ADirectoryExchangedWithAFileIsRenamed) {
  w.put("/etc/a", 60, Change::added, kDirectory);
  w.put("/etc/f", 61, Change::added);
  w.drift->observe(w.seen(FileOp::mkdir, "/etc/a", 60), apt);
  w.drift->observe(w.seen(FileOp::create, "/etc/f", 61), apt);
  w.settle();
  std::swap(w.at("/etc/a").inode, w.at("/etc/f").inode);
  std::swap(w.at("/etc/a").mode, w.at("/etc/f").mode);
  w.drift->observe(w.entries_seen(FileOp::rename, "/etc", "a"), rm);
  w.drift->observe(w.seen(FileOp::rename, "/etc/a", 61), rm);
  w.settle();
  EXPECT_THAT(w.kinds("/etc/f"), ElementsAre("dir_create", "file_rename"));
  EXPECT_THAT(w.who("/etc/f"), ElementsAre("exec:apt", "exec:rm"));
  EXPECT_THAT(w.who("/etc/a"), ElementsAre("exec:apt", "exec:rm"));
}

// A file with three names, of which the kernel side gives the first whichever
// of them is meant.
class Names : public Attribution {
 protected:
  Names() {
    w.put("/lib", 80, Change::none, kDirectory);
    for (const auto* path : {"/etc/x", "/etc/y", "/etc/z"}) {
      w.put(path, 50, Change::added).links = 3;
    }
    w.drift->observe(w.seen(FileOp::create, "/etc/x", 50), apt);
    w.drift->request_full_scan();
    w.settle();
    w.events.clear();
  }
  void call(FileOp op, const std::string& hint, const std::string& to = "",
            const std::vector<std::string>& directories = {"/etc"}) {
    for (const auto& directory : directories) {
      auto entries = w.entries_seen(op, directory, hint);
      entries.hint_to = to;
      w.drift->observe(entries, rm);
    }
    auto seen = w.seen(op, "/etc/x", 50);
    seen.more_names = true;
    w.drift->observe(seen, rm);
  }
  void links(std::uint32_t count) {
    for (auto& [path, entry] : w.entries) {
      if (entry.inode.ino == 50) entry.links = count;
    }
  }
};

TEST_F(Names, TheLookSaysWhichWasMoved) {
  call(FileOp::rename, "y", "y2");
  w.move("/etc/y", "/etc/y2");
  w.settle();
  EXPECT_THAT(w.reported(), ElementsAre("file_rename /etc/y2 by rm violation"));
  EXPECT_EQ(w.events.at(0).from, "/etc/y");
}

TEST_F(Names, AlsoToAnotherDirectory) {
  call(FileOp::rename, "/etc/z", "/lib/z", {"/etc", "/lib"});
  w.move("/etc/z", "/lib/z");
  w.settle();
  EXPECT_THAT(w.reported(), ElementsAre("file_rename /lib/z by rm violation"));
  EXPECT_EQ(w.events.at(0).from, "/etc/z");
}

TEST_F(Names, TheLookSaysWhichWasRemoved) {
  call(FileOp::unlink, "z");
  w.take("/etc/z");
  links(2);
  w.settle();
  EXPECT_THAT(w.reported(), ElementsAre("file_delete /etc/z by rm violation"));
}

TEST_F(Names, OfAllThatWentEachIsReported) {
  call(FileOp::unlink, "y");
  auto last = w.seen(FileOp::unlink, "/etc/z", 50);
  w.drift->observe(last, rm);
  for (const auto* path : {"/etc/x", "/etc/y", "/etc/z"}) w.take(path);
  w.settle();
  EXPECT_THAT(w.reported(), ElementsAre("file_delete /etc/z by rm violation",
                                        "file_delete /etc/x by rm violation",
                                        "file_delete /etc/y by rm violation"));
}

TEST_F(Names, TheLookSaysWhichIsNew) {
  call(FileOp::link, "n");
  w.put("/etc/n", 50, Change::added);
  links(4);
  w.settle();
  EXPECT_THAT(w.reported(), ElementsAre("file_link /etc/n by rm violation"));
}

TEST_F(Names, TwoNewOnesByOneCallerAreBothReported) {
  call(FileOp::link, "n");  // and the second was folded into it
  w.put("/etc/n", 50, Change::added);
  w.put("/etc/o", 50, Change::added);
  links(5);
  w.settle();
  EXPECT_THAT(w.reported(), ElementsAre("file_link /etc/n by rm violation",
                                        "file_link /etc/o by rm violation"));
}

TEST_F(Names, WhatNobodyWasSeenDoingIsUnattributed) {
  w.take("/etc/z");
  w.put("/lib/n", 50, Change::added).links = 3;
  w.drift->request_full_scan();
  w.settle();
  w.clock.advance(1'000'000'000);
  w.settle();
  EXPECT_THAT(w.reported(),
              ElementsAre("file_rename /lib/n by unattributed violation"));
  EXPECT_EQ(w.events.at(0).actor->origin, Origin::unattributed);
}

// A sensor that knows the names has reported them.
TEST_F(Names, WhatWasReportedByItsNameIsNotReportedAgain) {
  w.now = w.clock.boot_ns() - 1'000'000'000;
  w.drift->observe(w.seen(FileOp::unlink, "/etc/y", 50), rm);
  w.drift->observe(w.seen(FileOp::rename, "/lib/z", 50), rm);
  w.take("/etc/y");
  w.move("/etc/z", "/lib/z");
  links(2);
  w.settle();
  EXPECT_THAT(w.reported(), ElementsAre("file_delete /etc/y by rm violation",
                                        "file_rename /lib/z by rm violation"));
}

// What the kernel side did not know yet is seen in its directory alone.
TEST_F(Attribution, WhoWorkedInADirectoryIsKnownWhenItIsGone) {
  w.put("/etc/d", 60, Change::added, kDirectory);
  w.put("/etc/d/m", 61, Change::added, kDirectory);
  w.drift->request_full_scan();
  w.settle();
  w.events.clear();
  w.drift->observe(w.entries_seen(FileOp::rmdir, "/etc/d", "/etc/d/m"), rm);
  auto removed = w.seen(FileOp::rmdir, "/etc/d", 60);
  removed.mode = kDirectory;
  w.drift->observe(removed, rm);
  w.take("/etc/d");
  w.settle();
  EXPECT_THAT(w.reported(), ElementsAre("dir_delete /etc/d by rm violation",
                                        "dir_delete /etc/d/m by rm violation"));
}

// A directory that is copied up may get the inode number of what was removed.
TEST_F(Attribution, WhoWorksInADirectoryWithARemovedFilesNumberIsKept) {
  w.put("/etc/f", 60, Change::added);
  w.drift->request_full_scan();
  w.settle();
  w.drift->observe(w.seen(FileOp::unlink, "/etc/f", 60), rm);
  w.take("/etc/f");
  w.tick();
  const PartialResult without = w.part_of(w.drift->take_work());
  w.put("/etc/d", 60, Change::none, kDirectory);
  w.drift->observe(w.entries_seen(FileOp::link, "/etc/d", "/etc/d/n"), apt);
  w.drift->applied(without);
  w.put("/etc/d/n", 61, Change::added);
  w.drift->request_full_scan();
  w.settle();
  EXPECT_THAT(w.who("/etc/d/n"), ElementsAre("exec:apt"));
}

TEST_F(Attribution, WhatIsLinkedElsewhereWasCopiedUp) {
  w.put("/etc/i", 50, Change::changed).links = 2;
  w.put("/etc/n", 50, Change::added).links = 2;
  w.drift->observe(w.entries_seen(FileOp::link, "/etc", "/etc/n"), rm);
  w.settle();
  EXPECT_THAT(w.reported(), ElementsAre("copy_up /etc/i by rm restored",
                                        "file_link /etc/n by rm violation"));
}

// By a 32-bit call, of which it is not known what it does (index=on).
TEST_F(Attribution, WhatOverlaysIndexNamesTooWasNotLinked) {
  w.put("/etc/to", 50, Change::added).links = 2;
  w.whiteout("/etc/from");
  w.drift->observe(w.seen(FileOp::unknown, "/etc/to", 50), rm);
  w.drift->observe(w.entries_seen(FileOp::unknown, "/etc"), rm);
  w.settle();
  EXPECT_THAT(w.kinds("/etc/to"), Not(Contains("file_link")));
  EXPECT_THAT(w.who("/etc/to"), ElementsAre("exec:rm"));
}

TEST_F(Attribution, AnotherNameThatWentIsNoChangeOfTheFile) {
  auto& e = w.put("/etc/x", 50, Change::added);
  e.links = 2;
  w.put("/lib", 80, Change::none, kDirectory);
  w.put("/lib/y", 50, Change::added).links = 2;
  w.drift->observe(w.seen(FileOp::create, "/etc/x", 50), apt);
  w.drift->request_full_scan();
  w.settle();
  w.take("/etc/x");
  w.now += 10'000'000'000;
  w.clock.advance(10'000'000'000);
  w.drift->observe(w.seen(FileOp::unlink, "/etc/x", 50), rm);
  auto& left = w.at("/lib/y");
  left.links = 1;
  left.ctime = w.wall(w.now);
  w.settle();
  w.drift->request_full_scan();
  w.settle();
  EXPECT_THAT(w.who("/lib/y"), ElementsAre("exec:apt"));
}

TEST_F(Attribution, ADirectoryThatWasSetBackIsRestoredUntilItHoldsChanges) {
  w.put("/etc/d", 60, Change::changed, kDirectory).differs.mode = true;
  w.drift->observe(w.seen(FileOp::chmod, "/etc/d", 60), apt);
  w.settle();
  EXPECT_THAT(w.kinds("/etc/d"), ElementsAre("mode_change"));
  w.at("/etc/d").change = Change::none;
  w.at("/etc/d").differs.mode = false;
  w.drift->observe(w.seen(FileOp::chmod, "/etc/d", 60), apt);
  w.settle();
  EXPECT_THAT(w.kinds("/etc/d"), ElementsAre("mode_change"));
  EXPECT_THAT(w.who("/etc/d"), ElementsAre("exec:apt"));
  EXPECT_EQ(w.row("/etc/d")->verdict, Verdict::restored);
  w.put("/etc/d/x", 61, Change::added);
  w.drift->observe(w.seen(FileOp::create, "/etc/d/x", 61), rm);
  w.settle();
  EXPECT_THAT(w.kinds("/etc/d"), ElementsAre("copy_up"));
  EXPECT_THAT(w.who("/etc/d"), IsEmpty());
  EXPECT_EQ(w.row("/etc/d")->verdict, Verdict::violation);
}

}  // namespace
}  // namespace stillframe::drift::test
