// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/unsettled.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/unit/drift/ledger/world.h"

namespace stillframe::drift::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

struct Case {
  std::string name;
  FileOp op;
  Change change;
  Difference differs;          // now
  std::uint32_t mode = kFile;  // when it was done
  std::vector<std::string> kinds;
};

class FirstTouch : public ::testing::TestWithParam<Case> {};

// Of a file of the image the copy that it was given shows what was done.
TEST_P(FirstTouch, IsKnownByWhatItLeft) {
  const auto& c = GetParam();
  World w;
  w.put("/etc", 10, Change::none, kDirectory);
  w.drift->started(w.record, 1);
  w.settle();
  w.put("/etc/x", 50, c.change).differs = c.differs;
  auto seen = w.seen(c.op, "/etc/x", 50);
  seen.mode = c.mode;
  w.drift->observe(seen, actor("sh"));
  EXPECT_THAT(w.events, IsEmpty());
  w.settle();
  std::vector<std::string> kinds;
  for (const auto& event : w.events) {
    kinds.emplace_back(to_string(event.kind));
    EXPECT_EQ(event.actor->comm, "sh");
  }
  EXPECT_EQ(kinds, c.kinds);
  EXPECT_EQ(w.kinds("/etc/x"), c.kinds);
}

INSTANTIATE_TEST_SUITE_P(Cases, FirstTouch,
                         ::testing::Values(Case{"chmod",
                                                FileOp::chmod,
                                                Change::changed,
                                                {.mode = true},
                                                kFile,
                                                {"mode_change"}},
                                           Case{"chmod_to_the_same",
                                                FileOp::chmod,
                                                Change::changed,
                                                {},
                                                kFile,
                                                {"copy_up"}},
                                           Case{"chmod_and_back",
                                                FileOp::chmod,
                                                Change::changed,
                                                {},
                                                S_IFREG | 0600,
                                                {"mode_change"}},
                                           Case{"chown_to_the_same",
                                                FileOp::chown,
                                                Change::changed,
                                                {},
                                                kFile,
                                                {"copy_up"}},
                                           Case{"setxattr",
                                                FileOp::xattr,
                                                Change::changed,
                                                {.xattr = true},
                                                kFile,
                                                {"xattr_change"}},
                                           Case{"setxattr_that_failed",
                                                FileOp::xattr,
                                                Change::changed,
                                                {},
                                                kFile,
                                                {"copy_up"}},
                                           Case{"uring",
                                                FileOp::unknown,
                                                Change::changed,
                                                {.content = true},
                                                kFile,
                                                {"file_write"}}),
                         [](const auto& info) { return info.param.name; });

class KnownFile : public ::testing::Test {
 protected:
  KnownFile() {
    w.put("/etc", 10, Change::none, kDirectory);
    w.drift->started(w.record, 1);
    w.put("/etc/x", 50, Change::added);
    w.drift->observe(w.seen(FileOp::create, "/etc/x", 50), actor("maker"));
    w.settle();
    w.events.clear();
  }
  std::vector<std::string> said() const { return w.reported(); }
  World w;
  Actor sh = actor("sh", Origin::exec, 7);
};

TEST_F(KnownFile, WhatLeavesItAsItWasIsNoChange) {
  for (const auto op : {FileOp::chmod, FileOp::chown, FileOp::utimes}) {
    w.drift->observe(w.seen(op, "/etc/x", 50), sh);
    w.settle();
    EXPECT_THAT(said(), IsEmpty());
    EXPECT_THAT(w.kinds("/etc/x"), ElementsAre("file_create"));
  }
}

// Nor does a crowd make it none.
TEST_F(KnownFile, WhatCannotBeWaitedForMayHaveBeenOne) {
  const auto directory = [](std::size_t i) { return "/d" + std::to_string(i); };
  for (std::size_t i = 0; i < UnsettledOperations::kMax; ++i) {
    w.put(directory(i), 2 * i + 1000, Change::none, kDirectory);
    w.put(directory(i) + "/x", 2 * i + 1001, Change::added);
    w.drift->observe(w.seen(FileOp::create, directory(i) + "/x", 2 * i + 1001),
                     sh);
  }
  w.settle();
  w.events.clear();
  w.drift->observe(w.seen(FileOp::chown, "/etc/x", 50), sh);
  EXPECT_THAT(said(), IsEmpty());
  for (std::size_t i = 0; i < UnsettledOperations::kMax; ++i) {
    w.drift->observe(w.seen(FileOp::chown, directory(i) + "/x", 2 * i + 1001),
                     actor("crowd"));
  }
  EXPECT_THAT(said(), ElementsAre("owner_change /etc/x by sh? violation"));
  EXPECT_THAT(w.who("/etc/x"), ElementsAre("exec:maker", "exec:sh?"));
}

TEST_F(KnownFile, AnotherModeIsReportedAtOnce) {
  auto seen = w.seen(FileOp::chmod, "/etc/x", 50);
  seen.mode = S_IFREG | 0600;
  w.drift->observe(seen, sh);
  EXPECT_THAT(said(), ElementsAre("mode_change /etc/x by sh violation"));
}

TEST_F(KnownFile, OfTwoThatUndoEachOtherBothAreReported) {
  auto seen = w.seen(FileOp::chmod, "/etc/x", 50);
  seen.mode = S_IFREG | 0600;
  w.drift->observe(seen, sh);
  w.drift->observe(w.seen(FileOp::chmod, "/etc/x", 50), actor("back"));
  w.settle();
  EXPECT_THAT(said(), ElementsAre("mode_change /etc/x by sh violation",
                                  "mode_change /etc/x by back violation"));
}

TEST_F(KnownFile, AnotherOwnerIsReportedOnceItIsSeen) {
  w.drift->observe(w.seen(FileOp::chown, "/etc/x", 50), sh);
  w.at("/etc/x").uid = 5;
  w.settle();
  EXPECT_THAT(said(), ElementsAre("owner_change /etc/x by sh violation"));
}

// io_uring does not say what it does: the file was made before, by another.
TEST_F(KnownFile, WhatIsUnknownIsNotItsMaking) {
  w.drift->observe(w.seen(FileOp::unknown, "/etc/x", 50), sh);
  w.settle();
  EXPECT_THAT(said(), ElementsAre("unknown_change /etc/x by sh violation"));
  w.events.clear();
  w.drift->observe(w.seen(FileOp::unknown, "/etc/x", 50), sh);
  w.at("/etc/x").size = 100;
  w.settle();
  EXPECT_THAT(said(), ElementsAre("file_write /etc/x by sh violation"));
}

// Of two names of a file the one is taken away: the other is no new one.
TEST_F(KnownFile, WhatLeavesAnotherNameIsNoRename) {
  Entry& first = w.at("/etc/x");
  first.links = 2;
  w.put("/etc/y", 50, Change::added).links = 2;
  w.drift->observe(w.seen(FileOp::link, "/etc/y", 50), actor("linker"));
  w.settle();
  w.events.clear();
  w.drift->observe(w.seen(FileOp::unknown, "/etc/x", 50), sh);
  w.take("/etc/x");
  w.at("/etc/y").links = 1;
  w.settle();
  EXPECT_THAT(said(), Not(Contains(StartsWith("file_rename"))));
  EXPECT_THAT(w.kinds("/etc/y"), Not(Contains("file_rename")));
}

TEST_F(KnownFile, WhatLeavesANameThatItWasJustGivenIsNoRename) {
  w.drift->observe(w.seen(FileOp::link, "/etc/y", 50), actor("linker"));
  w.drift->observe(w.seen(FileOp::unknown, "/etc/x", 50), sh);
  w.move("/etc/x", "/etc/y");
  w.settle();
  EXPECT_THAT(said(), Not(Contains(StartsWith("file_rename"))));
  EXPECT_THAT(w.kinds("/etc/y"), Not(Contains("file_rename")));
}

// What was done since the last look, and reported, is not its doing, however
// often it is reported.
TEST_F(KnownFile, WhatIsReportedTwiceHasNotDoneWhatWasReportedBefore) {
  auto chmod = w.seen(FileOp::chmod, "/etc/x", 50);
  chmod.mode = S_IFREG | 0600;
  w.drift->observe(chmod, actor("setter"));
  w.drift->observe(w.seen(FileOp::unknown, "/etc/y", 50), sh);
  w.drift->observe(w.seen(FileOp::unknown, "/etc/y", 50), sh);
  w.move("/etc/x", "/etc/y");
  w.at("/etc/y").mode = S_IFREG | 0600;
  w.settle();
  EXPECT_THAT(said(), Not(Contains("mode_change /etc/y by sh violation")));
  EXPECT_THAT(w.who("/etc/y"), Contains("exec:sh"));
}

// What differed from the image before it is not its doing.
TEST_F(KnownFile, WhatMovesOneOfSeveralNamesHasDoneNothingElse) {
  Entry& image = w.put("/etc/i", 60, Change::changed);
  image.links = 2;
  w.put("/etc/n", 60, Change::added).links = 2;
  w.drift->observe(w.seen(FileOp::acl, "/etc/i", 60), actor("setter"));
  w.drift->observe(w.seen(FileOp::link, "/etc/n", 60), actor("setter"));
  image.differs.acl = image.differs.mode = true;
  w.settle();
  w.events.clear();
  w.drift->observe(w.seen(FileOp::unknown, "/etc/m", 60), sh);
  w.move("/etc/n", "/etc/m");
  w.settle();
  EXPECT_THAT(said(), Not(Contains(StartsWith("acl_change"))));
  EXPECT_THAT(said(), Not(Contains(StartsWith("mode_change"))));
  w.events.clear();
  w.drift->observe(w.seen(FileOp::unknown, "/etc/i", 60), sh);
  w.at("/etc/i").differs.xattr = true;
  w.settle();
  EXPECT_THAT(said(), Contains("xattr_change /etc/i by sh violation"));
}

// Who worked in a directory, and had it copied up, is not listed with who
// changed it.
TEST(DirectoryItself, IsChangedByNobodyWhoWorkedInIt) {
  World w;
  w.put("/d", 20, Change::none, kDirectory);
  w.drift->started(w.record, 1);
  w.settle();
  w.drift->observe(w.entries_seen(FileOp::unlink, "/d", "x"), actor("inside"));
  w.at("/d").differs.time = true;
  w.settle();
  EXPECT_THAT(w.kinds("/d"), ElementsAre("copy_up"));
  auto seen = w.seen(FileOp::chown, "/d", 20);
  seen.mode = kDirectory;
  w.at("/d").change = Change::changed;
  w.at("/d").differs.owner = true;
  w.at("/d").uid = 5;
  w.drift->observe(seen, actor("chown"));
  w.settle();
  EXPECT_THAT(w.kinds("/d"), ElementsAre("owner_change"));
  EXPECT_THAT(w.who("/d"), ElementsAre("exec:chown"));
}

// Nor by who left it as it was.
TEST(DirectoryItself, IsNotChangedByWhoLeftItAsItWas) {
  World w;
  w.put("/d", 20, Change::none, kDirectory);
  w.drift->started(w.record, 1);
  w.settle();
  auto seen = w.seen(FileOp::chmod, "/d", 20);
  seen.mode = w.at("/d").mode;
  w.at("/d").ctime = seen.ctime;
  w.drift->observe(seen, actor("chmod"));
  auto work = w.drift->take_work();
  ASSERT_TRUE(work);
  w.drift->applied(w.part_of(work));
  // Something came and went in it ahead of that, which nobody saw.
  w.at("/d").change = Change::changed;
  w.at("/d").differs.time = true;
  work.full = true;
  w.drift->request_full_scan();
  ASSERT_TRUE(w.drift->take_work().full);
  auto scan = w.full_scan();
  scan.started_boot_ns = seen.boot_ns;
  w.drift->applied(scan);
  EXPECT_THAT(w.kinds("/d"), ElementsAre("copy_up"));
}

class UnknownOperation : public ::testing::Test {
 protected:
  UnknownOperation() { w.put("/etc", 10, Change::none, kDirectory); }
  // With what has been put there by then.
  void begin() {
    w.drift->started(w.record, 1);
    w.settle();
  }
  World w;
};

// Who makes a file is seen to make it.
TEST_F(UnknownOperation, MayHaveMadeWhatNobodyWasSeenMaking) {
  begin();
  w.drift->observe(w.seen(FileOp::unknown, "/etc/x", 50), actor("ring"));
  w.put("/etc/x", 50, Change::added);
  w.settle();
  EXPECT_THAT(w.reported(),
              ElementsAre("file_create /etc/x by ring? violation"));
}

// A look may see what an operation has done before the word of it comes.
TEST_F(KnownFile, WhatWasSeenAfterItIsNotWhatWasThereBefore) {
  for (const auto op : {FileOp::chmod, FileOp::chown, FileOp::utimes}) {
    w.events.clear();
    auto seen = w.seen(op, "/etc/x", 50);
    seen.mode = S_IFREG | 0600;
    Entry& now = w.at("/etc/x");
    now.mode = seen.mode;
    now.uid = 5;
    now.mtime = w.wall(seen.boot_ns);
    now.ctime = now.mtime;
    w.tick();
    w.drift->request_full_scan();
    w.settle();
    w.drift->observe(seen, sh);
    w.settle();
    EXPECT_THAT(said(), ElementsAre(EndsWith(" /etc/x by sh violation")));
    now.mode = kFile;
    now.ctime = w.wall(w.tick());
    w.drift->request_full_scan();
    w.settle();
  }
}

// Between the change and the word of it the whole look may come and go.
TEST_F(KnownFile, WhatWasSeenAmidItIsNotWhatWasThereBefore) {
  for (const auto op : {FileOp::chown, FileOp::utimes}) {
    w.events.clear();
    Entry& now = w.at("/etc/x");
    ++now.uid;
    now.mtime = w.wall(w.tick());
    now.ctime = now.mtime;
    w.drift->request_full_scan();
    w.settle();
    auto seen = w.seen(op, "/etc/x", 50);
    seen.ctime = now.ctime;
    w.drift->observe(seen, sh);
    w.settle();
    EXPECT_THAT(said(), ElementsAre(EndsWith(" /etc/x by sh violation")));
  }
}

// One that was just copied up: a change of an entry of its own explains another
// time, and does not say whose work it was.
TEST(TimesOfADirectory, AreReportedOfWhoeverSetThem) {
  World w;
  w.put("/d", 10, Change::none, kDirectory);
  w.drift->started(w.record, 1);
  w.settle();
  w.put("/d/e", 20, Change::none, kDirectory).differs.time = true;
  w.put("/d/e/x", 21, Change::changed).differs.owner = true;
  w.drift->observe(w.seen(FileOp::chown, "/d/e/x", 21), actor("chown"));
  auto seen = w.seen(FileOp::utimes, "/d/e", 20);
  seen.mode = kDirectory;
  w.drift->observe(seen, actor("touch"));
  w.settle();
  EXPECT_THAT(w.reported(), Contains("time_change /d/e by touch violation"));
}

// A chown whose own effect the same look shows.
TEST_F(UnknownOperation, IsNotBlamedForWhatOthersDid) {
  begin();
  w.put("/etc/x", 50, Change::changed).differs = {.content = true,
                                                  .owner = true};
  w.drift->observe(w.seen(FileOp::chown, "/etc/x", 50), actor("chown"));
  w.drift->observe(w.seen(FileOp::unknown, "/etc/x", 50), actor("ring"));
  w.settle();
  EXPECT_THAT(w.reported(),
              ElementsAre("owner_change /etc/x by chown violation",
                          "file_write /etc/x by ring violation"));
}

// What a file of the image is by another name is not what was done to it.
TEST_F(UnknownOperation, ThatLinkedAnImageFileMadeNone) {
  begin();
  w.put("/etc/x", 50, Change::changed).links = 2;
  w.put("/etc/a", 50, Change::added).links = 2;
  w.drift->observe(w.entries_seen(FileOp::open, "/etc", "/etc/d/y"),
                   actor("another"));
  w.drift->observe(w.seen(FileOp::unknown, "/etc/x", 50), actor("ring"));
  w.drift->observe(w.entries_seen(FileOp::unknown, "/etc"), actor("ring"));
  w.settle();
  EXPECT_THAT(w.reported(), ElementsAre("file_link /etc/a by ring violation",
                                        "copy_up /etc/x by ring restored"));
  EXPECT_THAT(w.kinds("/etc/a"), ElementsAre("file_link", "copy_up"));
}

// Who writes by a further name of an image's file has not made it.
TEST_F(UnknownOperation, ByAFurtherNameOfAnImageFileMadeNone) {
  begin();
  w.drift->observe(w.entries_seen(FileOp::link, "/etc", "/etc/a"),
                   actor("linker"));
  w.drift->observe(w.seen(FileOp::unknown, "/etc/a", 50), actor("ring"));
  Entry& image = w.put("/etc/x", 50, Change::changed);
  image.links = 2;
  image.differs.content = true;
  w.put("/etc/a", 50, Change::added).links = 2;
  w.settle();
  EXPECT_THAT(w.reported(), Not(Contains(StartsWith("file_create"))));
  EXPECT_THAT(w.reported(), Contains("file_write /etc/a by ring violation"));
  EXPECT_THAT(w.kinds("/etc/a"), Not(Contains("file_create")));
}

// Nor when the image's name is gone by the time that anybody looks.
TEST_F(UnknownOperation, ByTheNameThatIsLeftOfAnImageFileMadeNone) {
  begin();
  w.drift->observe(w.entries_seen(FileOp::link, "/etc", "/etc/a"),
                   actor("linker"));
  w.drift->observe(w.seen(FileOp::unknown, "/etc/a", 50), actor("ring"));
  w.drift->observe(w.entries_seen(FileOp::unlink, "/etc", "/etc/x"),
                   actor("rm"));
  w.whiteout("/etc/x");
  w.put("/etc/a", 50, Change::added);
  w.settle();
  EXPECT_THAT(w.reported(), Contains("file_link /etc/a by linker violation"));
  EXPECT_THAT(w.reported(), Not(Contains(StartsWith("file_create"))));
  EXPECT_THAT(w.kinds("/etc/a"), Not(Contains("file_create")));
}

// By one who takes the image's name away by io_uring: also his own link was
// none of a new file.
TEST_F(UnknownOperation, ThatTookTheOtherNameOfALinkAwayMadeNone) {
  begin();
  w.drift->observe(w.entries_seen(FileOp::link, "/etc", "/etc/a"),
                   actor("ring"));
  w.drift->observe(w.seen(FileOp::unknown, "/etc/a", 50), actor("ring"));
  w.drift->observe(w.entries_seen(FileOp::unknown, "/etc"), actor("ring"));
  w.whiteout("/etc/x");
  w.put("/etc/a", 50, Change::added);
  w.settle();
  EXPECT_THAT(w.reported(), Contains("file_link /etc/a by ring violation"));
  EXPECT_THAT(w.reported(), Not(Contains(StartsWith("file_create"))));
  EXPECT_THAT(w.kinds("/etc/a"), Not(Contains("file_create")));
}

// The scan was ahead of the report of the file itself.
TEST_F(UnknownOperation, InTheDirectoryOfALinkMadeNone) {
  begin();
  w.drift->observe(w.entries_seen(FileOp::link, "/etc", "/etc/a"),
                   actor("linker"));
  w.drift->observe(w.entries_seen(FileOp::unknown, "/etc"),
                   actor("ring", Origin::exec, 101));
  w.put("/etc/a", 50, Change::added);
  w.settle();
  EXPECT_THAT(w.reported(), ElementsAre(StartsWith("file_link /etc/a by")));
  EXPECT_THAT(w.who("/etc/a"), ElementsAre("exec:linker?", "exec:ring?"));
}

// A link elsewhere by a name that something here has, too, is none here: it has
// the file that it links copied up.
TEST_F(UnknownOperation, BesideALinkToAnotherDirectoryMadeAFile) {
  begin();
  w.drift->observe(w.entries_seen(FileOp::link, "/etc", "/opt/a"),
                   actor("linker"));
  auto made = w.seen(FileOp::unknown, "/etc/a", 50);
  made.created = true;
  w.drift->observe(made, actor("ring", Origin::exec, 101));
  w.drift->observe(w.entries_seen(FileOp::unknown, "/etc"),
                   actor("ring", Origin::exec, 101));
  w.put("/etc/a", 50, Change::added);
  w.settle();
  EXPECT_THAT(w.kinds("/etc/a"), ElementsAre("file_create"));
  EXPECT_THAT(w.reported(), Not(Contains(StartsWith("file_link"))));
}

// Nor when the scan was ahead of the report of the file.
TEST_F(UnknownOperation, BesideALinkToAnotherDirectoryMayHaveMadeAFile) {
  begin();
  w.drift->observe(w.entries_seen(FileOp::link, "/etc", "/opt/a"),
                   actor("linker"));
  w.drift->observe(w.entries_seen(FileOp::unknown, "/etc"),
                   actor("ring", Origin::exec, 101));
  w.put("/etc/a", 50, Change::added);
  w.settle();
  EXPECT_THAT(w.kinds("/etc/a"), ElementsAre("file_create"));
}

// Also where both have had the directory copied up, and nobody knows by then
// what it is called.
TEST_F(UnknownOperation, BesideALinkFromANewDirectoryMayHaveMadeAFile) {
  begin();
  w.put("/var", 20, Change::none, kDirectory);
  w.drift->observe(w.entries_seen(FileOp::link, "/var", "/opt/a"),
                   actor("linker"));
  w.drift->observe(w.entries_seen(FileOp::unknown, "/var"),
                   actor("ring", Origin::exec, 101));
  w.put("/var/a", 50, Change::added);
  w.settle();
  EXPECT_THAT(w.kinds("/var/a"), ElementsAre("file_create"));
}

// It was found where another moved it, and where it was nobody has looked.
TEST_F(UnknownOperation, AfterAMoveThatIsHalfSeenMovedNothing) {
  w.put("/opt", 20, Change::none, kDirectory);
  w.put("/etc/x", 50, Change::changed).differs.content = true;
  begin();
  w.move("/etc/x", "/opt/n");
  w.drift->observe(w.entries_seen(FileOp::rename, "/opt", "/opt/n"),
                   actor("mover", Origin::exec, 101));
  w.drift->applied(w.part_of(w.drift->take_work()));
  w.drift->observe(w.entries_seen(FileOp::rename, "/etc", "/opt/n"),
                   actor("mover", Origin::exec, 101));
  w.at("/opt/n").size = 7;
  w.drift->observe(w.seen(FileOp::unknown, "/opt/n", 50), actor("ring"));
  w.settle();
  EXPECT_THAT(w.reported(),
              Not(Contains(StartsWith("file_rename /opt/n by ring"))));
}

// The scan was ahead of the report of what had it copied up.
TEST_F(UnknownOperation, NorIsARefusedAttributeOneIfTheCopyWasFoundBefore) {
  begin();
  auto seen = w.seen(FileOp::xattr, "/etc/x", 50);
  seen.ctime = w.wall(seen.boot_ns);
  Entry& copy = w.put("/etc/x", 50, Change::changed);
  copy.ctime = seen.ctime;
  w.drift->request_full_scan();
  w.settle();
  w.drift->observe(seen, actor("setfattr"));
  w.settle();
  EXPECT_THAT(w.kinds("/etc/x"), ElementsAre("copy_up"));
  EXPECT_THAT(w.reported(), Not(Contains(StartsWith("xattr_change"))));
}

// What was taken away, given again and taken away again looks as if it had been
// taken away once.
TEST_F(UnknownOperation, ThatTookANameAwayAgainIsNotHiddenByTheFirstWhoDid) {
  begin();
  const Actor rm = actor("rm", Origin::exec, 101);
  w.drift->observe(w.seen(FileOp::unlink, "/etc/x", 49), rm);
  w.drift->observe(w.entries_seen(FileOp::unlink, "/etc", "/etc/x"), rm);
  w.drift->observe(w.entries_seen(FileOp::link, "/etc", "/etc/x"),
                   actor("ln", Origin::exec, 102));
  w.drift->observe(w.entries_seen(FileOp::unknown, "/etc"), actor("ring"));
  w.whiteout("/etc/x");
  w.settle();
  EXPECT_THAT(w.who("/etc/x"), ElementsAre("exec:rm", "exec:ring?"));
  EXPECT_THAT(w.reported(), Contains("file_delete /etc/x by ring? violation"));
}

// Who was at work before the name was given has not taken that away, nor has
// who named another.
TEST_F(UnknownOperation, BeforeANameWasGivenTookItAwayNotAgain) {
  begin();
  const Actor rm = actor("rm", Origin::exec, 101);
  w.drift->observe(w.seen(FileOp::unlink, "/etc/x", 49), rm);
  w.drift->observe(w.entries_seen(FileOp::unknown, "/etc"), actor("ring"));
  w.drift->observe(w.entries_seen(FileOp::link, "/etc", "/etc/y"),
                   actor("ln", Origin::exec, 102));
  w.drift->observe(w.entries_seen(FileOp::unlink, "/etc", "/etc/y"), rm);
  w.whiteout("/etc/x");
  w.settle();
  EXPECT_THAT(w.who("/etc/x"), ElementsAre("exec:rm"));
}

// Nor who wrote to what another moved then.
TEST_F(UnknownOperation, BeforeAMoveMadeNone) {
  begin();
  w.drift->observe(w.seen(FileOp::unknown, "/etc/x", 50), actor("ring"));
  w.drift->observe(w.seen(FileOp::rename, "/etc/a", 50), actor("mv"));
  w.put("/etc/a", 50, Change::added);
  w.settle();
  EXPECT_THAT(w.reported(), Contains("file_rename /etc/a by mv violation"));
  EXPECT_THAT(w.reported(),
              Contains("unknown_change /etc/a by ring violation"));
  EXPECT_THAT(w.reported(), Not(Contains(StartsWith("file_create"))));
}

// What another is known to have done since is not said of it.
TEST_F(UnknownOperation, IsNotBlamedForWhatCameAfterIt) {
  begin();
  w.put("/etc/x", 50, Change::changed).differs = {.content = true,
                                                  .owner = true};
  w.drift->observe(w.seen(FileOp::unknown, "/etc/x", 50), actor("ring"));
  w.drift->observe(w.seen(FileOp::chown, "/etc/x", 50), actor("chown"));
  w.settle();
  EXPECT_THAT(w.reported(),
              ElementsAre("file_write /etc/x by ring violation",
                          "owner_change /etc/x by chown violation"));
}

// Nor when a look had shown what was there, and was followed by another.
TEST_F(UnknownOperation, IsNotBlamedForWhatCameAfterItOfAKnownFile) {
  w.put("/etc/x", 50, Change::added);
  begin();
  w.events.clear();
  w.at("/etc/x").mode = S_IFREG | 0600;
  w.drift->observe(w.seen(FileOp::unknown, "/etc/x", 50), actor("ring"));
  auto chmod = w.seen(FileOp::chmod, "/etc/x", 50);
  chmod.mode = S_IFREG | 0600;
  w.drift->observe(chmod, actor("chmod"));
  w.settle();
  EXPECT_THAT(w.reported(),
              UnorderedElementsAre("mode_change /etc/x by chmod violation",
                                   "unknown_change /etc/x by ring violation"));
}

// Another worked beside the one who gave an image's file a further name.
TEST(UnknownOperationKept, ThatLinkedAnImageFileIsReportedBesideAnother) {
  const ScratchDirectory directory;
  World w({.state_file = directory / "ledger"});
  w.put("/etc", 10, Change::none, kDirectory);
  w.drift->started(w.record, 1);
  w.settle();
  w.put("/etc/x", 50, Change::changed).links = 2;
  w.put("/etc/a", 50, Change::added).links = 2;
  w.drift->observe(w.entries_seen(FileOp::link, "/etc", "/etc/d/y"),
                   actor("another", Origin::exec, 101));
  w.drift->observe(w.seen(FileOp::unknown, "/etc/x", 50), actor("ring"));
  w.drift->observe(w.entries_seen(FileOp::unknown, "/etc"), actor("ring"));
  w.settle();
  EXPECT_THAT(w.reported(), Contains(StartsWith("file_link /etc/a by ")));
  w.restart();
  w.settle();
  EXPECT_THAT(w.reported(), IsEmpty());
}

// Of two either may have done it.
TEST_F(UnknownOperation, BesideAnotherMayBeInnocent) {
  w.put("/etc/x", 50, Change::added);
  begin();
  w.events.clear();
  w.at("/etc/x").mode = S_IFREG | 0600;
  w.drift->observe(w.seen(FileOp::unknown, "/etc/x", 50), actor("ring"));
  w.drift->observe(w.seen(FileOp::unknown, "/etc/x", 50),
                   actor("other", Origin::exec, 101));
  w.settle();
  EXPECT_THAT(w.reported(),
              ElementsAre("mode_change /etc/x by ring? violation",
                          "mode_change /etc/x by other? violation"));
}

// Such a file in place of one that the image has there was not written to.
TEST(LinkOfAnUnnamedFile, OverAnImageFileIsALink) {
  World w;
  w.put("/etc", 10, Change::none, kDirectory);
  w.drift->started(w.record, 1);
  w.settle();
  w.put("/etc/x", 50, Change::changed).differs.content = true;
  w.drift->observe(w.entries_seen(FileOp::link, "/etc", "/etc/x"),
                   actor("maker"));
  w.settle();
  EXPECT_THAT(w.reported(), ElementsAre("file_link /etc/x by maker violation"));
  EXPECT_THAT(w.kinds("/etc/x"), ElementsAre("file_link"));
}

// Also when the image's was taken away before, and something else done to it
// since.
TEST(LinkOfAnUnnamedFile, InThePlaceOfOneThatWasTakenAwayIsALink) {
  World w;
  w.put("/etc", 10, Change::none, kDirectory);
  w.drift->started(w.record, 1);
  w.settle();
  const Actor rm = actor("rm", Origin::exec, 101);
  w.drift->observe(w.seen(FileOp::unlink, "/etc/x", 49), rm);
  w.drift->observe(w.entries_seen(FileOp::unlink, "/etc", "/etc/x"), rm);
  w.drift->observe(w.entries_seen(FileOp::link, "/etc", "/etc/x"),
                   actor("maker"));
  w.drift->observe(w.seen(FileOp::chmod, "/etc/x", 50), actor("maker"));
  w.put("/etc/x", 50, Change::changed).differs = {
      .content = true, .mode = true, .time = true};
  w.settle();
  EXPECT_THAT(w.reported(), Contains("file_link /etc/x by maker violation"));
  EXPECT_THAT(w.kinds("/etc/x"), ElementsAre("file_link", "mode_change"));
}

// Nor when another moved files there.
TEST(LinkOfAnUnnamedFile, BesideAMoveIsNoWrite) {
  World w;
  w.put("/etc", 10, Change::none, kDirectory);
  w.drift->started(w.record, 1);
  w.settle();
  w.put("/etc/x", 50, Change::changed).differs.content = true;
  w.drift->observe(w.entries_seen(FileOp::rename, "/etc", "/etc/x"),
                   actor("mover", Origin::exec, 101));
  w.drift->observe(w.entries_seen(FileOp::link, "/etc", "/etc/x"),
                   actor("maker"));
  w.settle();
  EXPECT_THAT(w.kinds("/etc/x"), ElementsAre("unknown_change"));
  EXPECT_THAT(w.who("/etc/x"), ElementsAre("exec:mover?", "exec:maker?"));
}

// Of a file that was made without a name that is all that is seen.
TEST(LinkOfAnUnnamedFile, IsReportedAlone) {
  World w;
  w.put("/etc", 10, Change::none, kDirectory);
  w.drift->started(w.record, 1);
  w.settle();
  w.put("/etc/x", 50, Change::added);
  w.drift->observe(w.entries_seen(FileOp::link, "/etc", "/etc/x"),
                   actor("maker"));
  w.drift->observe(w.seen(FileOp::write, "/etc/x", 50), actor("writer"));
  w.settle();
  EXPECT_THAT(w.reported(), ElementsAre("file_write /etc/x by writer violation",
                                        "file_link /etc/x by maker violation"));
  EXPECT_THAT(w.kinds("/etc/x"), ElementsAre("file_write", "file_link"));
}

// The mode is another by the ACL's mask.
TEST_F(UnknownOperation, IsNotBlamedForWhatCameWithAnAcl) {
  begin();
  w.put("/etc/x", 50, Change::changed).differs = {
      .content = true, .mode = true, .acl = true};
  w.drift->observe(w.seen(FileOp::acl, "/etc/x", 50), actor("setfacl"));
  w.drift->observe(w.seen(FileOp::unknown, "/etc/x", 50), actor("ring"));
  w.settle();
  EXPECT_THAT(w.reported(),
              ElementsAre("acl_change /etc/x by setfacl violation",
                          "file_write /etc/x by ring violation"));
}

TEST(UnsettledOperations, AreBounded) {
  UnsettledOperations all;
  for (std::uint64_t i = 1; i <= UnsettledOperations::kMax; ++i) {
    Unsettled one;
    one.about.inode = {i, 1};
    one.about.boot_ns = i;
    EXPECT_FALSE(all.add(one));
  }
  Unsettled last;
  last.about.inode = {5000, 1};
  const auto oldest = all.add(last);
  ASSERT_TRUE(oldest);
  EXPECT_EQ(oldest->about.inode.ino, 1u);
  EXPECT_FALSE(all.waits({1, 1}));
  EXPECT_TRUE(all.waits({5000, 1}));
}

}  // namespace
}  // namespace stillframe::drift::test
