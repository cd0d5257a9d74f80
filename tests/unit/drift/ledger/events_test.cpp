// SPDX-License-Identifier: Apache-2.0
//
// Observed operations: what the ledger makes of them and which events come out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/drift/ledger/world.h"

namespace stillframe::drift::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Events : public ::testing::Test {
 protected:
  Events() {
    w.put("/etc", 10, Change::none, kDirectory);
    w.drift->started(w.record, 1);
    w.settle();
  }
  World w;
  Actor sh = actor("sh");
};

struct OpCase {
  FileOp op;
  std::uint32_t mode;
  bool created;
  Change change;
  std::string kind;
};

class Operations : public ::testing::TestWithParam<OpCase> {};

TEST_P(Operations, BecomeKinds) {
  const auto& c = GetParam();
  World w;
  w.drift->started(w.record, 1);
  w.settle();
  auto o = w.seen(c.op, "/x", 50);
  o.mode = c.mode;
  o.created = c.created;
  auto& e = w.put("/x", 50, c.change, c.mode);
  e.differs = {.content = true,
               .mode = true,
               .owner = true,
               .xattr = true,
               .acl = true,
               .time = true};
  w.drift->observe(o, actor("sh"));
  w.settle();
  EXPECT_THAT(w.kinds("/x"), ::testing::Contains(c.kind));
  EXPECT_THAT(w.reported(),
              ElementsAre(::testing::StartsWith(c.kind + " /x ")));
}

INSTANTIATE_TEST_SUITE_P(
    All, Operations,
    ::testing::Values(
        OpCase{FileOp::create, kFile, true, Change::added, "file_create"},
        OpCase{FileOp::symlink, S_IFLNK | 0777, true, Change::added,
               "file_create"},
        OpCase{FileOp::mkdir, kDirectory, true, Change::added, "dir_create"},
        OpCase{FileOp::mknod, S_IFCHR | 0600, true, Change::added,
               "device_create"},
        OpCase{FileOp::mknod, S_IFBLK | 0600, true, Change::added,
               "device_create"},
        OpCase{FileOp::mknod, S_IFIFO | 0600, true, Change::added,
               "file_create"},
        OpCase{FileOp::write, kFile, false, Change::changed, "file_write"},
        OpCase{FileOp::truncate, kFile, false, Change::changed,
               "file_truncate"},
        OpCase{FileOp::rename, kFile, false, Change::added, "file_rename"},
        OpCase{FileOp::link, kFile, false, Change::added, "file_link"},
        OpCase{FileOp::chmod, kFile, false, Change::changed, "mode_change"},
        OpCase{FileOp::chown, kFile, false, Change::changed, "owner_change"},
        OpCase{FileOp::xattr, kFile, false, Change::changed, "xattr_change"},
        OpCase{FileOp::acl, kFile, false, Change::changed, "acl_change"},
        OpCase{FileOp::flags, kFile, false, Change::changed, "flags_change"},
        OpCase{FileOp::utimes, kFile, false, Change::changed, "time_change"},
        OpCase{FileOp::open, kFile, false, Change::changed, "copy_up"},
        OpCase{FileOp::unknown, kFile, true, Change::added, "file_create"},
        OpCase{FileOp::unknown, kDirectory, true, Change::added,
               "dir_create"}));

TEST_F(Events, OfUnknownOperationIsReportedByTheState) {
  auto& e = w.put("/etc/x", 50, Change::changed);
  e.differs.mode = true;
  w.drift->observe(w.seen(FileOp::unknown, "/etc/x", 50), sh);
  EXPECT_THAT(w.events, IsEmpty());
  w.settle();
  EXPECT_THAT(w.kinds("/etc/x"), ElementsAre("mode_change"));
  EXPECT_THAT(w.reported(), ElementsAre("mode_change /etc/x by sh violation"));
}

TEST_F(Events, CreateAndWriteAreOneRecordWithBothKinds) {
  w.put("/etc/x", 50, Change::added);
  w.drift->observe(w.seen(FileOp::create, "/etc/x", 50), sh);
  auto write = w.seen(FileOp::write, "/etc/x", 50);
  write.repeats = 4;
  w.drift->observe(write, sh);
  w.settle();
  const auto* row = w.row("/etc/x");
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->change, Change::added);
  EXPECT_EQ(row->count, 6u);
  EXPECT_EQ(row->kinds, (KindList{Kind::file_create, Kind::file_write}));
  // A millisecond apart; the offset between the clocks is read for each.
  EXPECT_NEAR(static_cast<double>(row->last_seen.ns - row->first_seen.ns), 1e6,
              1e5);
  EXPECT_THAT(w.who("/etc/x"), ElementsAre("exec:sh"));
  ASSERT_THAT(w.events, SizeIs(2));
  EXPECT_EQ(w.events[1].count, 5u);
}

TEST_F(Events, CreatedAndDeletedAgainLeavesNothingButTheFact) {
  w.drift->observe(w.seen(FileOp::create, "/etc/x", 50), sh);
  w.drift->observe(w.seen(FileOp::write, "/etc/x", 50), sh);
  w.drift->observe(w.seen(FileOp::unlink, "/etc/x", 50), sh);
  w.settle();
  EXPECT_EQ(w.row("/etc/x"), nullptr);
  EXPECT_THAT(w.reported(), ElementsAre("file_create /etc/x by sh violation",
                                        "file_write /etc/x by sh violation",
                                        "file_delete /etc/x by sh violation"));
  const auto summary = w.drift->summary();
  EXPECT_NE(summary.state, ContainerState::mutated);
  EXPECT_TRUE(summary.ever_mutated);
  EXPECT_TRUE(summary.complete);
  EXPECT_EQ(summary.first_mutation, w.events[0].time);
  EXPECT_EQ(summary.last_actor->comm, "sh");
}

TEST_F(Events, AFileSeenByAScanAndDeletedLaterGoesFromTheDiff) {
  w.put("/etc/x", 50, Change::added);
  w.drift->observe(w.seen(FileOp::create, "/etc/x", 50), sh);
  w.settle();
  EXPECT_EQ(w.drift->summary().state, ContainerState::mutated);
  w.take("/etc/x");
  w.drift->observe(w.seen(FileOp::unlink, "/etc/x", 50), actor("rm"));
  w.settle();
  EXPECT_EQ(w.row("/etc/x"), nullptr);
  EXPECT_NE(w.drift->summary().state, ContainerState::mutated);
  EXPECT_THAT(w.reported(), ElementsAre("file_create /etc/x by sh violation",
                                        "file_delete /etc/x by rm violation"));
}

TEST_F(Events, AChangedFilesDeletionLeavesAWhiteoutWithItsActor) {
  w.put("/etc/passwd", 50, Change::changed).differs.content = true;
  w.drift->observe(w.seen(FileOp::write, "/etc/passwd", 50), sh);
  w.settle();
  w.whiteout("/etc/passwd");
  w.drift->observe(w.seen(FileOp::unlink, "/etc/passwd", 50), actor("rm"));
  w.settle();
  const auto* row = w.row("/etc/passwd");
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->change, Change::deleted);
  EXPECT_THAT(w.kinds("/etc/passwd"), ElementsAre("file_delete"));
  EXPECT_THAT(w.who("/etc/passwd"), ElementsAre("exec:rm"));
}

TEST_F(Events, ARenameKnowsWhereItCameFrom) {
  w.put("/etc/x", 50, Change::added);
  w.drift->observe(w.seen(FileOp::create, "/etc/x", 50), sh);
  w.settle();
  w.move("/etc/x", "/etc/y");
  w.drift->observe(w.seen(FileOp::rename, "/etc/y", 50), actor("mv"));
  w.settle();
  EXPECT_EQ(w.row("/etc/x"), nullptr);
  const auto* row = w.row("/etc/y");
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->from->text(), "/etc/x");
  EXPECT_THAT(w.who("/etc/y"), ElementsAre("exec:sh", "exec:mv"));
  ASSERT_THAT(w.events, SizeIs(2));
  EXPECT_EQ(w.events[1].from, "/etc/x");
  EXPECT_EQ(w.events[1].path, "/etc/y");
}

TEST_F(Events, ARenamedLowerFileIsAddedThereAndDeletedHere) {
  w.put("/etc/new", 50, Change::added);
  w.whiteout("/etc/old");
  w.drift->observe(w.entries_seen(FileOp::rename, "/etc", "/etc/old"),
                   actor("mv"));
  w.drift->observe(w.seen(FileOp::rename, "/etc/new", 50), actor("mv"));
  w.settle();
  EXPECT_THAT(w.kinds("/etc/new"), ElementsAre("file_rename"));
  EXPECT_THAT(w.kinds("/etc/old"), ElementsAre("file_delete"));
  EXPECT_THAT(w.who("/etc/old"), ElementsAre("exec:mv"));
  EXPECT_THAT(w.events, SizeIs(2));
}

TEST_F(Events, PathsInNewDirectoriesAreKnownBeforeTheScan) {
  w.put("/etc/a", 60, Change::added, kDirectory);
  w.drift->observe(w.seen(FileOp::mkdir, "/etc/a", 60), sh);
  w.put("/etc/a/b", 61, Change::added, kDirectory);
  w.drift->observe(w.seen(FileOp::mkdir, "/etc/a/b", 61), sh);
  w.put("/etc/a/b/c", 62, Change::added);
  w.drift->observe(w.seen(FileOp::create, "/etc/a/b/c", 62), sh);
  EXPECT_THAT(w.reported(),
              ElementsAre("dir_create /etc/a by sh violation",
                          "dir_create /etc/a/b by sh violation",
                          "file_create /etc/a/b/c by sh violation"));
  const auto scans = w.settle();
  EXPECT_EQ(scans.full, 0);
  EXPECT_THAT(w.who("/etc/a/b/c"), ElementsAre("exec:sh"));
  EXPECT_THAT(w.events, SizeIs(3));
}

TEST_F(Events, ADirectoryThatCameAndWentNeedsNoFullScan) {
  auto made = w.seen(FileOp::mkdir, "/etc/tmp", 60);
  w.drift->observe(made, sh);
  auto in = w.seen(FileOp::create, "/etc/tmp/x", 61);
  in.parent = {60, 7};
  w.drift->observe(in, sh);
  EXPECT_EQ(w.settle().full, 0);
  EXPECT_TRUE(w.drift->summary().complete);
  EXPECT_EQ(w.drift->diff().size(), 0u);
}

TEST_F(Events, UnknownParentsAreDeferredUntilAFullScanShowsThem) {
  auto o = w.seen(FileOp::write, "/etc/x", 50);
  o.parent = {77, 7};  // copied up just now: no scan has met it
  w.drift->observe(o, sh);
  EXPECT_THAT(w.events, IsEmpty());
  w.put("/usr", 77, Change::none, kDirectory);
  w.put("/usr/x", 50, Change::changed).differs.content = true;
  EXPECT_EQ(w.settle().full, 1);
  EXPECT_THAT(w.reported(), ElementsAre("file_write /usr/x by sh violation"));
  EXPECT_THAT(w.who("/usr/x"), ElementsAre("exec:sh"));
}

TEST_F(Events, WhatNoScanCanPlaceIsReportedOfTheNearestKnownDirectory) {
  auto o = w.seen(FileOp::write, "/etc/x", 50);
  o.parent = {77, 7};
  w.drift->observe(o, sh);
  w.settle();
  EXPECT_THAT(w.reported(), ElementsAre("unknown_change / by sh violation"));
  EXPECT_TRUE(w.drift->diff().empty());
}

// What a directory of /tmp that came and went leaves behind.
struct Transient {
  std::string name;
  bool scanned_before = false;  // /tmp was, else it was copied up just now
  bool scanned_between = false;
  int files = 1;
};

class TransientDirectories : public ::testing::TestWithParam<Transient> {
 protected:
  FileObservation in(FileOp op, InodeId parent, const std::string& name,
                     std::uint64_t ino) {
    auto o = w.seen(op, "/" + name, ino);
    o.parent = parent;
    return o;
  }
  World w;
};

TEST_P(TransientDirectories, NeverLoseTheirNames) {
  const auto& c = GetParam();
  const InodeId tmp{70, 7};
  const InodeId made{80, 7};
  const InodeId inner{81, 7};
  const Actor sh = actor("sh");
  if (c.scanned_before) w.put("/tmp", 70, Change::none, kDirectory);
  w.drift->started(w.record, 1);
  w.settle();
  w.put("/tmp", 70, Change::none, kDirectory);
  w.put("/tmp/b", 80, Change::added, kDirectory);
  w.put("/tmp/b/c", 81, Change::added, kDirectory);
  w.drift->observe(in(FileOp::mkdir, tmp, "b", 80), sh);
  w.drift->observe(in(FileOp::mkdir, made, "c", 81), sh);
  for (int i = 0; i < c.files; ++i) {
    const auto name = "f" + std::to_string(i);
    const auto ino = 1000 + static_cast<std::uint64_t>(i);
    w.drift->observe(in(FileOp::create, inner, name, ino), sh);
    w.put("/tmp/b/c/" + name, ino, Change::added);
  }
  if (c.scanned_between) w.settle();
  for (int i = 0; i < c.files; ++i) {
    const auto name = "f" + std::to_string(i);
    w.take("/tmp/b/c/" + name);
    w.drift->observe(
        in(FileOp::unlink, inner, name, 1000 + static_cast<std::uint64_t>(i)),
        sh);
    // A scan may come in between.
    if (c.scanned_between && i == c.files / 2) w.settle();
  }
  w.take("/tmp/b");
  w.drift->observe(in(FileOp::rmdir, made, "c", 81), sh);
  w.drift->observe(in(FileOp::rmdir, tmp, "b", 80), sh);
  w.drift->request_full_scan();
  w.settle();
  auto late = in(FileOp::write, inner, "f0", 1000);
  w.drift->observe(late, sh);
  w.settle();

  std::size_t deleted = 0;
  for (const auto& event : w.events) {
    EXPECT_EQ(event.path.rfind("/tmp/b", 0), 0u) << event.path;
    EXPECT_EQ(event.verdict, Verdict::scratch) << event.path;
    if (event.kind == Kind::file_delete) ++deleted;
  }
  EXPECT_EQ(deleted, static_cast<std::size_t>(c.files));
  EXPECT_FALSE(w.drift->summary().ever_mutated);
}

INSTANTIATE_TEST_SUITE_P(
    Each, TransientDirectories,
    ::testing::Values(
        Transient{"at_once", true, false, 1},
        Transient{"in_a_directory_copied_up_for_it", false, false, 1},
        Transient{"with_a_scan_amid", true, true, 4},
        Transient{"with_2000_files", true, true, 2000},
        Transient{"with_2000_files_and_nothing_known", false, false, 2000}),
    [](const auto& info) { return info.param.name; });

constexpr std::uint64_t kSettled = 20'000'000;
constexpr std::uint64_t kReportedAgain =
    ScanPlan::kUnreportedNs + LaterMarks::kStepNs;

TEST_F(Events, WhatMayBeFoldedIsLookedAtOnceMore) {
  auto& x = w.put("/etc/x", 50, Change::changed);
  auto o = w.seen(FileOp::write, "/etc/x", 50);
  o.boot_ns = w.clock.boot_ns();
  o.more_follow = true;
  w.drift->observe(o, sh);
  w.clock.advance(kSettled);
  EXPECT_EQ(w.settle().part, 1);
  EXPECT_FALSE(w.drift->scan_due());
  EXPECT_NE(w.drift->summary().state, ContainerState::mutated);
  x.differs.content = true;  // without an event
  w.clock.advance(kReportedAgain);
  EXPECT_TRUE(w.drift->scan_due());
  EXPECT_EQ(w.settle().full, 0);
  EXPECT_EQ(w.drift->summary().state, ContainerState::mutated);
}

TEST_F(Events, WhoeverUsedUpItsShareIsLookedAtWhenItMayReportAgain) {
  w.drift->over_budget(w.clock.boot_ns());
  w.clock.advance(kSettled);
  EXPECT_EQ(w.settle().full, 1);
  w.put("/etc/x", 50, Change::added);  // without an event
  w.clock.advance(kReportedAgain);
  EXPECT_EQ(w.settle().full, 1);
  EXPECT_EQ(w.drift->summary().state, ContainerState::mutated);
}

TEST_F(Events, AmbiguousOnesOnlyAskForALook) {
  w.put("/etc/x", 50, Change::changed).differs.content = true;
  w.entries.erase("/etc/x");
  auto o = w.seen(FileOp::unknown, "/etc/x", 50);
  o.ambiguous = true;
  w.drift->observe(o, actor("cat"));
  EXPECT_TRUE(w.drift->scan_due());
  w.put("/etc/x", 50, Change::changed).differs.content = true;
  w.settle();
  EXPECT_THAT(w.who("/etc/x"), ElementsAre("unattributed"));
  EXPECT_THAT(w.kinds("/etc/x"), ElementsAre("unknown_change"));
}

TEST_F(Events, ScratchPlacesAndCopyUpsAreNoViolations) {
  w.put("/tmp", 70, Change::none, kDirectory);
  w.drift->request_full_scan();
  w.settle();
  w.put("/tmp/x", 71, Change::added);
  w.drift->observe(w.seen(FileOp::create, "/tmp/x", 71), sh);
  w.put("/etc/y", 72, Change::changed);
  w.drift->observe(w.seen(FileOp::open, "/etc/y", 72), sh);
  w.settle();
  EXPECT_THAT(w.reported(), ElementsAre("file_create /tmp/x by sh scratch",
                                        "copy_up /etc/y by sh restored"));
  EXPECT_EQ(w.row("/tmp/x")->verdict, Verdict::scratch);
  EXPECT_EQ(w.row("/etc/y")->verdict, Verdict::restored);
  EXPECT_FALSE(w.drift->summary().ever_mutated);
}

TEST_F(Events, TheRootItselfCanBeChanged) {
  w.at("/").change = Change::changed;
  w.at("/").differs.mode = true;
  auto o = w.seen(FileOp::chmod, "/", kRoot);
  w.drift->observe(o, sh);
  w.settle();
  EXPECT_THAT(w.kinds("/"), ElementsAre("mode_change"));
  EXPECT_THAT(w.reported(), ElementsAre("mode_change / by sh violation"));
  EXPECT_EQ(w.drift->summary().mutated_paths, 1u);
}

TEST_F(Events, AnInodeNumberThatComesBackIsAnotherFile) {
  w.put("/etc/x", 50, Change::added);
  w.drift->observe(w.seen(FileOp::create, "/etc/x", 50), sh);
  w.settle();
  w.take("/etc/x");
  auto again = w.seen(FileOp::create, "/etc/y", 50);
  again.inode.generation = 8;
  w.put("/etc/y", 50, Change::added).inode.generation = 8;
  w.drift->observe(again, actor("vi"));
  w.settle();
  EXPECT_THAT(w.who("/etc/y"), ElementsAre("exec:vi"));
}

TEST_F(Events, SoItIsWhereGenerationsAreUnknown) {
  auto first = w.seen(FileOp::create, "/etc/x", 50);
  auto gone = w.seen(FileOp::unlink, "/etc/x", 50);
  auto again = w.seen(FileOp::create, "/etc/y", 50);
  first.inode.generation = gone.inode.generation = 0;
  again.inode.generation = 0;
  w.drift->observe(first, sh);
  w.drift->observe(gone, sh);
  w.put("/etc/y", 50, Change::added).inode.generation = 0;
  w.drift->observe(again, actor("vi"));
  w.settle();
  EXPECT_THAT(w.who("/etc/y"), ElementsAre("exec:vi"));
}

TEST_F(Events, HostileNamesPassThrough) {
  const std::string name = "a\n\x1b[31m\xff\"\\";
  w.put("/etc/" + name, 50, Change::added);
  w.drift->observe(w.seen(FileOp::create, "/etc/" + name, 50), sh);
  w.settle();
  ASSERT_NE(w.row("/etc/" + name), nullptr);
  EXPECT_EQ(w.events[0].path, "/etc/" + name);
}

TEST_F(Events, ABurstIsBoundedAndAllInTheDiff) {
  constexpr int kMany = 20'000;
  for (int i = 0; i < kMany; ++i) {
    const std::string path = "/etc/f" + std::to_string(i);
    const auto ino = static_cast<std::uint64_t>(1000 + i);
    w.put(path, ino, Change::added);
    w.drift->observe(w.seen(FileOp::create, path, ino), sh);
  }
  const auto scans = w.settle();
  EXPECT_LE(scans.full + scans.part, 2);
  const auto summary = w.drift->summary();
  EXPECT_TRUE(summary.complete);
  EXPECT_EQ(summary.mutated_paths, kMany + 0u);
  // With them, the directory that they are in.
  EXPECT_EQ(w.drift->diff().size(), kMany + 1u);
  EXPECT_THAT(w.events, SizeIs(kMany));
}

TEST(Bounds, OverTheLimitIsIncompleteAndSaid) {
  World w(ContainerDrift::Options{.max_records = 10, .state_file = ""});
  w.drift->started(w.record, 1);
  w.settle();
  for (std::uint64_t i = 0; i < 20; ++i) {
    const std::string path = "/f" + std::to_string(i);
    w.put(path, 100 + i, Change::added);
    w.drift->observe(w.seen(FileOp::create, path, 100 + i), actor("sh"));
  }
  w.settle();
  const auto summary = w.drift->summary();
  EXPECT_FALSE(summary.complete);
  EXPECT_EQ(summary.mutated_paths, 20u);  // the state is right all the same
  EXPECT_EQ(w.drift->diff().size(), 20u);
  ASSERT_THAT(w.drift->trouble(), SizeIs(1));
  EXPECT_THAT(w.drift->trouble()[0], ::testing::HasSubstr("full"));
  for (const auto& row : w.drift->diff()) EXPECT_FALSE(row.actors.empty());
}

}  // namespace
}  // namespace stillframe::drift::test
