// SPDX-License-Identifier: Apache-2.0
//
// A scan that finds a change before the report of it comes.
#include "agent/drift/ledger/awaited.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/drift/ledger/world.h"

namespace stillframe::drift::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Awaited : public ::testing::Test {
 protected:
  Awaited() {
    w.put("/etc", 10, Change::none, kDirectory);
    w.put("/etc/old", 20, Change::added);
    w.drift->started(w.record, 1);
    w.settle();
    pass();
    w.events.clear();
  }
  void look() {
    w.drift->request_full_scan();
    w.settle();
  }
  void pass() {
    w.clock.advance(AwaitedReports::kPatienceNs + 1);
    w.now += AwaitedReports::kPatienceNs + 1;
    w.settle();
  }
  Entry& young(Entry& entry) {
    entry.ctime = w.clock.wall();
    return entry;
  }
  World w;
  Actor apt = actor("apt", Origin::exec, 1);
  Actor sh = actor("sh", Origin::workload, 2);
};

TEST_F(Awaited, WhoMadeItIsNamedThoughTheScanWasFirst) {
  young(w.put("/etc/new", 50, Change::added));
  look();
  EXPECT_THAT(w.reported(), IsEmpty());
  w.drift->observe(w.seen(FileOp::create, "/etc/new", 50), apt);
  look();
  pass();
  EXPECT_THAT(w.who("/etc/new"), ElementsAre("exec:apt"));
  EXPECT_THAT(w.reported(),
              ElementsAre("file_create /etc/new by apt violation"));
}

TEST_F(Awaited, WhoRemovedItIsNamedThoughTheScanWasFirst) {
  young(w.whiteout("/etc/image"));
  w.take("/etc/old");
  look();
  EXPECT_THAT(w.reported(), IsEmpty());
  w.drift->observe(w.seen(FileOp::unlink, "/etc/image", 999'999), apt);
  w.drift->observe(w.seen(FileOp::unlink, "/etc/old", 20), sh);
  look();
  pass();
  EXPECT_THAT(w.who("/etc/image"), ElementsAre("exec:apt"));
  EXPECT_THAT(w.reported(),
              ElementsAre("file_delete /etc/image by apt violation",
                          "file_delete /etc/old by sh violation"));
}

// Who worked beside its directory has not been in it.
TEST_F(Awaited, WhoRemovedItIsNamedThoughOthersWorkedAboveIt) {
  w.put("/etc/d", 70, Change::none, kDirectory);
  young(w.whiteout("/etc/d/image"));
  w.drift->observe(w.entries_seen(FileOp::open, "/etc", "/etc/f"), sh);
  look();
  EXPECT_THAT(w.reported(), IsEmpty());
  w.drift->observe(w.entries_seen(FileOp::unlink, "/etc/d", "/etc/d/image"),
                   apt);
  look();
  pass();
  EXPECT_THAT(w.who("/etc/d/image"), ElementsAre("exec:apt"));
}

TEST_F(Awaited, WhoChangedItIsNamedThoughTheScanWasFirst) {
  auto& e = young(w.put("/etc/image", 60, Change::changed));
  e.differs.mode = true;
  look();
  EXPECT_THAT(w.reported(), IsEmpty());
  auto seen = w.seen(FileOp::chmod, "/etc/image", 60);
  seen.mode = S_IFREG | 0600;
  w.drift->observe(seen, apt);
  look();
  pass();
  EXPECT_THAT(w.who("/etc/image"), ElementsAre("exec:apt"));
  EXPECT_THAT(w.kinds("/etc/image"), ElementsAre("mode_change"));
}

TEST_F(Awaited, WhoMovedAnEntryAwayIsNamedThoughTheScanWasFirst) {
  young(w.whiteout("/etc/image"));
  look();
  w.drift->observe(w.entries_seen(FileOp::rename, "/etc", "/etc/image"), apt);
  look();
  pass();
  EXPECT_THAT(w.who("/etc/image"), ElementsAre("exec:apt"));
}

// Nothing else than its directory's change shows who that was.
TEST_F(Awaited, WhoMovedItAwayIsKnownByTheNameThoughOthersWereThereBefore) {
  w.drift->observe(w.entries_seen(FileOp::link, "/etc", "/etc/other"), sh);
  for (const char* name : {"/etc/image", "/etc/second"}) {
    young(w.whiteout(name));
  }
  look();
  w.drift->observe(w.entries_seen(FileOp::rename, "/etc", "/etc/image"), apt);
  look();
  pass();
  EXPECT_THAT(w.who("/etc/image"), ElementsAre("exec:apt"));
  EXPECT_THAT(w.who("/etc/second"), ElementsAre("unattributed"));
}

// A file is copied up by the call that is to change it, and both can be seen
// before the call is over.
TEST_F(Awaited, WhatWasBegunIsWhatItsReportSays) {
  young(w.put("/etc/image", 60, Change::changed)).differs.content = true;
  w.drift->observe(w.entries_seen(FileOp::open, "/etc", "/etc/image"), apt);
  look();
  EXPECT_THAT(w.reported(), IsEmpty());
  w.drift->observe(w.seen(FileOp::truncate, "/etc/image", 60), apt);
  look();
  pass();
  EXPECT_THAT(w.reported(),
              ElementsAre("file_truncate /etc/image by apt violation"));
  EXPECT_THAT(w.kinds("/etc/image"), ElementsAre("file_truncate"));
}

TEST_F(Awaited, WhatWasBegunBesideOthersIsWhatItsReportSays) {
  young(w.put("/etc/image", 60, Change::changed)).differs.content = true;
  w.drift->observe(w.entries_seen(FileOp::open, "/etc"), apt);
  w.drift->observe(w.entries_seen(FileOp::unknown, "/etc"), sh);
  look();
  EXPECT_THAT(w.reported(), IsEmpty());
  w.drift->observe(w.seen(FileOp::truncate, "/etc/image", 60), apt);
  look();
  pass();
  EXPECT_THAT(w.reported(),
              ElementsAre("file_truncate /etc/image by apt violation"));
  EXPECT_THAT(w.who("/etc/image"), ElementsAre("exec:apt"));
}

TEST_F(Awaited, WhoLinkedItElsewhereHasNotChangedIt) {
  auto& emptied = young(w.put("/etc/image", 60, Change::changed));
  emptied.differs.content = true;
  emptied.size = 0;
  w.drift->observe(w.entries_seen(FileOp::link, "/etc", "/etc/n"), sh);
  look();
  EXPECT_THAT(w.reported(), IsEmpty());
  w.drift->observe(w.seen(FileOp::truncate, "/etc/image", 60), apt);
  look();
  pass();
  EXPECT_THAT(w.reported(),
              ElementsAre("file_truncate /etc/image by apt violation"));
}

TEST_F(Awaited, NorIfNobodyIsReportedToHaveDoneSo) {
  young(w.put("/etc/image", 60, Change::changed)).differs.mode = true;
  w.drift->observe(w.entries_seen(FileOp::link, "/etc", "/etc/n"), sh);
  look();
  EXPECT_THAT(w.reported(), IsEmpty());
  pass();
  EXPECT_THAT(w.who("/etc/image"), ElementsAre("unattributed"));
  EXPECT_THAT(w.kinds("/etc/image"), ElementsAre("mode_change"));
}

TEST_F(Awaited, WhoCopiedADirectoryUpHasNotChangedIt) {
  young(w.put("/etc/d", 60, Change::changed, kDirectory)).differs.owner = true;
  w.drift->observe(w.entries_seen(FileOp::unlink, "/etc", "/etc/d/x"), sh);
  look();
  auto seen = w.seen(FileOp::chown, "/etc/d", 60);
  seen.mode = kDirectory;
  w.drift->observe(seen, apt);
  look();
  pass();
  EXPECT_THAT(w.who("/etc/d"), ElementsAre("exec:apt"));
}

// By whom nobody saw, while the agent was not there.
TEST_F(Awaited, WhoWorkedInADirectoryHasNotChangedItself) {
  Entry& e = young(w.put("/etc/d", 60, Change::changed, kDirectory));
  w.drift->observe(w.entries_seen(FileOp::unlink, "/etc", "/etc/d/x"), sh);
  look();
  EXPECT_THAT(w.who("/etc/d"), ElementsAre("workload:sh"));
  e.differs.owner = true;
  e.ctime = w.wall(w.tick());
  look();
  pass();
  EXPECT_THAT(w.who("/etc/d"), ElementsAre("unattributed"));
}

TEST_F(Awaited, WhatWasBegunIsHisWhoBeganItWithoutAReport) {
  young(w.put("/etc/image", 60, Change::changed)).differs.content = true;
  w.drift->observe(w.entries_seen(FileOp::open, "/etc", "/etc/image"), apt);
  look();
  EXPECT_THAT(w.reported(), IsEmpty());
  pass();
  EXPECT_THAT(w.who("/etc/image"), ElementsAre("exec:apt"));
  EXPECT_THAT(w.reported(),
              ElementsAre("copy_up /etc/image by apt violation",
                          "file_write /etc/image by apt violation"));
}

TEST_F(Awaited, WhoIsSeenThereAndCannotHaveDoneItEndsNoWaiting) {
  young(w.whiteout("/etc/image"));
  look();
  w.drift->observe(w.entries_seen(FileOp::open, "/etc", "/etc/other"), sh);
  look();
  w.drift->observe(w.seen(FileOp::unlink, "/etc/image", 999'999), apt);
  look();
  pass();
  EXPECT_THAT(w.who("/etc/image"), ElementsAre("exec:apt"));
}

TEST_F(Awaited, WithoutAReportItIsUnattributed) {
  young(w.put("/etc/new", 50, Change::added));
  young(w.whiteout("/etc/image"));
  w.take("/etc/old");
  look();
  EXPECT_THAT(w.who("/etc/new"), ElementsAre("unattributed"));
  EXPECT_THAT(w.reported(), IsEmpty());
  EXPECT_NE(w.drift->next_work_boot_ns(), 0u);
  pass();
  look();
  pass();
  EXPECT_THAT(w.reported(),
              ElementsAre("file_delete /etc/image by unattributed violation",
                          "file_create /etc/new by unattributed violation",
                          "file_delete /etc/old by unattributed violation"));
  EXPECT_EQ(w.row("/etc/new")->count, 1u);
}

TEST_F(Awaited, WhoRemovedItIsNamedThoughTheReportIsLate) {
  young(w.whiteout("/etc/image"));
  look();
  auto removed = w.seen(FileOp::unlink, "/etc/image", 999'999);
  removed.boot_ns = w.clock.boot_ns();
  pass();
  EXPECT_THAT(w.who("/etc/image"), ElementsAre("unattributed"));
  w.drift->observe(removed, apt);
  look();
  EXPECT_THAT(w.who("/etc/image"), ElementsAre("exec:apt"));
  EXPECT_EQ(w.row("/etc/image")->count, 1u);
}

TEST_F(Awaited, WhatKeepsChangingDoesNotWaitForEver) {
  auto& e = w.put("/etc/new", 50, Change::added);
  for (int i = 0; i < 12; ++i) {
    young(e).size = static_cast<std::uint64_t>(i);
    w.clock.advance(AwaitedReports::kPatienceNs / 8);
    w.now += AwaitedReports::kPatienceNs / 8;
    look();
  }
  EXPECT_THAT(w.reported(),
              ElementsAre("file_create /etc/new by unattributed violation"));
}

TEST_F(Awaited, WhoWorkedOnItLaterDidNotMakeIt) {
  young(w.put("/etc/new", 50, Change::added));
  look();
  w.drift->observe(w.seen(FileOp::write, "/etc/new", 50), sh);
  look();
  pass();
  EXPECT_THAT(w.who("/etc/new"), ElementsAre("unattributed", "workload:sh"));
}

TEST_F(Awaited, WhatIsGoneAgainIsReported) {
  young(w.put("/etc/new", 50, Change::added));
  look();
  w.take("/etc/new");
  look();
  pass();
  EXPECT_THAT(w.reported(),
              ElementsAre("file_create /etc/new by unattributed violation",
                          "file_delete /etc/new by unattributed violation"));
}

TEST_F(Awaited, TheEndOfTheContainerWaitsForNothing) {
  young(w.put("/etc/new", 50, Change::added));
  look();
  w.drift->stopped(w.now);
  EXPECT_THAT(w.reported(),
              ElementsAre("file_create /etc/new by unattributed violation"));
}

// By io_uring, of which it is not known what it does; the directory of its
// other name is looked at later.
TEST_F(Awaited, ALinkIsKnownByTheNameThatIsFoundAfterIt) {
  w.drift->observe(w.seen(FileOp::unknown, "/etc/n", 50), apt);
  w.drift->observe(w.entries_seen(FileOp::unknown, "/etc"), apt);
  young(w.put("/etc/n", 50, Change::added)).links = 2;
  look();
  young(w.put("/etc/image", 50, Change::changed)).links = 2;
  look();
  pass();
  EXPECT_THAT(w.kinds("/etc/n"), ElementsAre("file_link", "copy_up"));
  EXPECT_THAT(w.reported(), Contains("file_link /etc/n by apt violation"));
}

// Also when another worked there.
TEST_F(Awaited, ALinkBesideAnothersWorkIsKnownByTheNameThatIsFoundAfterIt) {
  auto linked = w.seen(FileOp::unknown, "/etc/n", 50);
  linked.boot_ns = w.clock.boot_ns();  // as young as the file
  w.drift->observe(linked, apt);
  w.drift->observe(w.entries_seen(FileOp::unknown, "/etc"), apt);
  w.drift->observe(w.entries_seen(FileOp::open, "/etc", "/etc/d/a"), sh);
  young(w.put("/etc/n", 50, Change::added)).links = 2;
  look();
  young(w.put("/etc/image", 50, Change::changed)).links = 2;
  look();
  pass();
  EXPECT_THAT(w.kinds("/etc/n"), Contains("file_link"));
  EXPECT_THAT(w.reported(), Contains("file_link /etc/n by apt violation"));
  EXPECT_THAT(w.reported(), Not(Contains(HasSubstr("file_create"))));
}

// What is done to the file meanwhile is no word of its other names.
TEST_F(Awaited, ALinkThatIsWrittenToWaitsForItsOtherNames) {
  auto linked = w.seen(FileOp::unknown, "/etc/n", 50);
  linked.boot_ns = w.clock.boot_ns();
  w.drift->observe(linked, apt);
  w.drift->observe(w.entries_seen(FileOp::unknown, "/etc"), apt);
  w.drift->observe(w.entries_seen(FileOp::open, "/etc", "/etc/d/a"), sh);
  young(w.put("/etc/n", 50, Change::added)).links = 2;
  look();
  w.drift->observe(w.seen(FileOp::write, "/etc/n", 50), apt);
  young(w.put("/etc/image", 50, Change::changed)).links = 2;
  look();
  pass();
  EXPECT_THAT(w.reported(), Contains("file_link /etc/n by apt violation"));
  EXPECT_THAT(w.reported(), Not(Contains(HasSubstr("file_create"))));
}

// Nor when nothing was known of it before.
TEST_F(Awaited, ANewLinkThatIsWrittenToWaitsForItsOtherNames) {
  w.drift->observe(w.entries_seen(FileOp::unknown, "/etc"), apt);
  young(w.put("/etc/n", 50, Change::added)).links = 2;
  look();
  w.drift->observe(w.seen(FileOp::write, "/etc/n", 50), apt);
  young(w.put("/etc/image", 50, Change::changed)).links = 2;
  look();
  pass();
  EXPECT_THAT(w.kinds("/etc/n"), Contains("file_link"));
  EXPECT_THAT(w.reported(), Not(Contains(HasSubstr("file_create"))));
}

// It was made by that name, and linked by another before anybody looked.
TEST_F(Awaited, WhoMadeAFileHasNotLinkedItThere) {
  auto made = w.seen(FileOp::unknown, "/etc/n", 50);
  made.created = true;
  w.drift->observe(made, apt);
  w.drift->observe(w.entries_seen(FileOp::unknown, "/etc"), apt);
  w.put("/lib", 11, Change::none, kDirectory);
  young(w.put("/etc/n", 50, Change::added)).links = 2;
  young(w.put("/lib/n", 50, Change::added)).links = 2;
  w.drift->observe(w.entries_seen(FileOp::link, "/lib", "/lib/n"), sh);
  look();
  pass();
  EXPECT_THAT(w.reported(), Contains("file_create /etc/n by apt violation"));
  EXPECT_THAT(w.reported(), Contains("file_link /lib/n by sh violation"));
  EXPECT_THAT(w.reported(), Not(Contains(HasSubstr("file_link /etc/n"))));
}

// By one of several who did different things there.
TEST_F(Awaited, ANameIsNotSaidToBeANewFilesUntilItsOtherNamesAreFound) {
  w.drift->observe(w.entries_seen(FileOp::link, "/etc", "/etc/n"), apt);
  w.drift->observe(w.entries_seen(FileOp::unknown, "/etc"), sh);
  young(w.put("/etc/n", 50, Change::added)).links = 2;
  look();
  EXPECT_THAT(w.reported(), IsEmpty());
  young(w.put("/etc/image", 50, Change::changed)).links = 2;
  look();
  pass();
  EXPECT_THAT(w.kinds("/etc/n"), Contains("file_link"));
  EXPECT_THAT(w.reported(), Not(Contains(HasSubstr("file_create"))));
}

// Who it was is not known, but that is no reason to take the next who comes.
TEST_F(Awaited, WhereSomebodyWasSeenAReportOfTheEntryAloneSaysWho) {
  w.drift->observe(w.entries_seen(FileOp::rmdir, "/etc", "/etc/d"), apt);
  young(w.put("/etc/new", 50, Change::added));
  look();
  w.drift->observe(w.entries_seen(FileOp::create, "/etc", "/etc/other"), sh);
  look();
  pass();
  EXPECT_THAT(w.who("/etc/new"), ElementsAre("unattributed"));
  w.drift->observe(w.entries_seen(FileOp::rmdir, "/etc", "/etc/d"), apt);
  young(w.put("/etc/newer", 51, Change::added));
  look();
  w.drift->observe(w.seen(FileOp::create, "/etc/newer", 51), sh);
  look();
  pass();
  EXPECT_THAT(w.who("/etc/newer"), ElementsAre("workload:sh"));
}

TEST_F(Awaited, WhatIsTooMuchDoesNotWait) {
  for (std::size_t i = 0; i <= AwaitedReports::kMax; ++i) {
    young(w.put("/etc/new" + std::to_string(i), 100 + i, Change::added));
  }
  look();
  EXPECT_EQ(w.reported().size(), 1u);
  pass();
  EXPECT_EQ(w.reported().size(), AwaitedReports::kMax + 1);
}

// Asked of every operation: wrong in neither direction, with any generation.
TEST(AwaitedReportsTest, KnowsWhatAnOperationMayConcern) {
  const auto waiting = [](std::uint64_t ino, const char* name) {
    drift::Awaited one;
    one.entry.inode = {ino, 7};
    one.entry.parent = {10, 3};
    one.entry.name = name;
    return one;
  };
  AwaitedReports reports;
  ASSERT_TRUE(reports.add(waiting(50, "a")));
  ASSERT_TRUE(reports.add(waiting(51, "b")));
  ASSERT_TRUE(reports.add(waiting(51, "b")));  // is there already
  FileObservation seen;
  seen.parent = {10, 0};
  seen.name = "other";
  seen.inode = {60, 0};
  EXPECT_FALSE(reports.may_concern(seen));
  seen.inode = {50, 0};
  EXPECT_TRUE(reports.may_concern(seen));
  seen.inode = {60, 0};
  seen.name = "b";
  EXPECT_TRUE(reports.may_concern(seen));

  const auto taken = reports.take(
      [](const drift::Awaited& one) { return one.entry.name == "b"; });
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_FALSE(reports.may_concern(seen));
  seen.name = "a";
  EXPECT_TRUE(reports.may_concern(seen));
  reports.take([](const drift::Awaited&) { return true; });
  EXPECT_FALSE(reports.may_concern(seen));
  EXPECT_TRUE(reports.empty());
}

}  // namespace
}  // namespace stillframe::drift::test
