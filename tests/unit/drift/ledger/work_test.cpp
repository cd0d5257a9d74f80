// SPDX-License-Identifier: Apache-2.0
//
// What is scanned, and when.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "tests/unit/drift/ledger/world.h"

namespace stillframe::drift::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Work : public ::testing::Test {
 protected:
  Work() { w.put("/etc", 10, Change::none, kDirectory); }
  World w;
  Actor sh = actor("sh");
};

TEST_F(Work, BeginsWithAFullScan) {
  EXPECT_TRUE(w.drift->scan_due());
  EXPECT_EQ(w.drift->next_work_boot_ns(), 1u);
  EXPECT_FALSE(w.drift->summary().complete);
  const auto work = w.drift->take_work();
  EXPECT_TRUE(work.full);
  EXPECT_THAT(work.parts, IsEmpty());
  EXPECT_TRUE(w.drift->scan_under_way());
  EXPECT_FALSE(w.drift->take_work());
  w.drift->applied(w.full_scan());
  EXPECT_FALSE(w.drift->scan_under_way());
  EXPECT_TRUE(w.drift->summary().complete);
  EXPECT_EQ(w.drift->next_work_boot_ns(), 0u);
}

TEST_F(Work, ThenGoesByNames) {
  w.settle();
  w.drift->observe(w.seen(FileOp::write, "/etc/a", 50), sh);
  w.drift->observe(w.seen(FileOp::write, "/etc/b", 51), sh);
  EXPECT_NE(w.drift->next_work_boot_ns(), 0u);
  const auto work = w.drift->take_work();
  ASSERT_EQ(work.parts.size(), 1u);
  EXPECT_EQ(work.parts[0].directory, "/etc");
  EXPECT_EQ(work.parts[0].inode, (InodeId{10, 7}));
  EXPECT_FALSE(work.parts[0].full);
  EXPECT_THAT(work.parts[0].names, ElementsAre("a", "b"));
  w.drift->applied(w.part_of(work));
  EXPECT_FALSE(w.drift->scan_due());
}

TEST_F(Work, TheRootIsTheEmptyPath) {
  w.settle();
  w.drift->observe(w.seen(FileOp::create, "/a", 50), sh);
  auto work = w.drift->take_work();
  ASSERT_EQ(work.parts.size(), 1u);
  EXPECT_EQ(work.parts[0].directory, "");
  EXPECT_THAT(work.parts[0].names, ElementsAre("a"));
  w.drift->applied(w.part_of(work));
  w.drift->observe(w.seen(FileOp::chmod, "/", kRoot), sh);
  work = w.drift->take_work();
  ASSERT_EQ(work.parts.size(), 1u);
  EXPECT_THAT(work.parts[0].names, IsEmpty());
}

TEST_F(Work, MarksMadeDuringAScanStay) {
  w.settle();
  w.drift->observe(w.seen(FileOp::create, "/etc/a", 50), sh);
  const auto work = w.drift->take_work();
  const auto result = w.part_of(work);
  w.put("/etc/a", 50, Change::added);
  w.drift->observe(w.seen(FileOp::write, "/etc/a", 50), sh);
  EXPECT_FALSE(w.drift->take_work());
  w.drift->applied(result);
  EXPECT_EQ(w.row("/etc/a"), nullptr);
  w.settle();
  EXPECT_NE(w.row("/etc/a"), nullptr);
}

TEST_F(Work, AStaleDirectoryMeansAFullScan) {
  w.settle();
  w.drift->observe(w.seen(FileOp::create, "/etc/a", 50), sh);
  const auto work = w.drift->take_work();
  auto result = w.part_of(work);
  result.directories[0].stale = true;
  w.drift->applied(result);
  EXPECT_FALSE(w.drift->summary().complete);
  EXPECT_NE(w.drift->next_work_boot_ns(), 0u);
  w.drift->request_full_scan();
  EXPECT_TRUE(w.drift->take_work().full);
}

TEST_F(Work, SoDoesAPartThatFailed) {
  w.settle();
  w.drift->observe(w.seen(FileOp::create, "/etc/a", 50), sh);
  ASSERT_TRUE(w.drift->take_work());
  PartialResult failed;
  failed.started_boot_ns = w.tick();
  failed.complete = false;
  failed.errors = {{"/x", "openat", EMFILE}};
  w.drift->applied(failed);
  EXPECT_FALSE(w.drift->summary().complete);
  EXPECT_GT(w.drift->next_work_boot_ns(), w.clock.boot_ns());  // not at once
}

TEST_F(Work, ADirectoryThatIsGoneWithItsParentsScanIsNotStale) {
  w.put("/etc/d", 60, Change::added, kDirectory);
  w.settle();
  w.drift->observe(w.entries_seen(FileOp::rmdir, "/etc/d"), sh);
  w.drift->observe(w.entries_seen(FileOp::rmdir, "/etc"), sh);
  w.take("/etc/d");
  const auto scans = w.settle();
  EXPECT_EQ(scans.full, 0);
  EXPECT_EQ(w.row("/etc/d"), nullptr);
  EXPECT_TRUE(w.drift->summary().complete);
}

TEST_F(Work, ALossIsMadeGoodByAFullScanThatIsPaced) {
  w.settle();
  auto slow = w.full_scan();
  slow.duration_ns = 1'000'000'000;
  w.drift->request_full_scan();
  ASSERT_TRUE(w.drift->take_work().full);
  w.drift->applied(slow);
  w.drift->lost(w.tick());
  EXPECT_FALSE(w.drift->scan_due());
  EXPECT_GT(w.drift->next_work_boot_ns(), w.clock.boot_ns() + 5'000'000'000);
  EXPECT_FALSE(w.drift->summary().complete);
  w.drift->request_full_scan();  // somebody asks: at once
  EXPECT_TRUE(w.drift->take_work().full);
}

TEST_F(Work, AnUnreadableUpperDirectoryChangesNothing) {
  w.put("/etc/x", 50, Change::added);
  w.settle();
  w.drift->request_full_scan();
  ASSERT_TRUE(w.drift->take_work().full);
  ScanResult failed;
  failed.complete = false;
  failed.errors = {{"/x", "open upper directory", ENOENT}};
  failed.started_boot_ns = w.tick();
  w.drift->applied(failed);
  EXPECT_NE(w.row("/etc/x"), nullptr);
  EXPECT_FALSE(w.drift->summary().complete);
  EXPECT_THAT(w.drift->trouble(), ElementsAre(text_of(failed.errors[0])));
  EXPECT_FALSE(w.drift->scan_due());
}

TEST_F(Work, TooManyDirectoriesBecomeOneFullScan) {
  w.settle();
  for (std::uint64_t ino = 1000; ino < 6000; ++ino) {
    auto o = w.seen(FileOp::write, "/etc/a", 100'000 + ino);
    o.parent = {ino, 7};
    w.drift->observe(o, sh);
  }
  const auto scans = w.settle();
  EXPECT_EQ(scans.full, 1);
  EXPECT_TRUE(w.drift->summary().complete);
}

TEST_F(Work, AnIncompleteScanLeavesTheStateUnknown) {
  EXPECT_EQ(w.drift->summary().state, ContainerState::unknown);
  EXPECT_EQ(w.drift->summary().why_unknown,
            "the rootfs has not been scanned yet");
  EXPECT_EQ(w.drift->summary().last_scan.ns, 0);
  ASSERT_TRUE(w.drift->take_work().full);
  auto scan = w.full_scan();
  scan.complete = false;
  w.drift->applied(scan);
  auto summary = w.drift->summary();
  EXPECT_EQ(summary.state, ContainerState::unknown);
  EXPECT_EQ(summary.why_unknown, "the latest scan did not see the full rootfs");
  EXPECT_FALSE(summary.complete);
  EXPECT_EQ(summary.last_scan.ns, 0);
  w.drift->request_full_scan();
  w.settle();
  summary = w.drift->summary();
  EXPECT_EQ(summary.state, ContainerState::still);
  EXPECT_EQ(summary.why_unknown, "");
  EXPECT_NE(summary.last_scan.ns, 0);
}

// A scan that could not look at a file has not shown that it is gone.
struct Unseen {
  std::string name;
  bool stopped = false;
  bool empty = false;
};

class AScan : public Work, public ::testing::WithParamInterface<Unseen> {};

TEST_P(AScan, ThatDidNotSeeAllForgetsNoActor) {
  const auto& c = GetParam();
  w.settle();
  w.put("/etc/x", 50, Change::added);
  w.drift->observe(w.seen(FileOp::create, "/etc/x", 50), sh);
  w.settle();
  w.drift->request_full_scan();
  ASSERT_TRUE(w.drift->take_work().full);
  const auto kept = w.entries;
  w.take("/etc/x");
  auto scan = w.full_scan();
  scan.complete = false;
  scan.stopped = c.stopped;
  if (c.empty) scan.entries.clear();
  w.drift->applied(scan);
  EXPECT_FALSE(w.drift->summary().complete);
  EXPECT_TRUE(w.drift->next_work_boot_ns() != 0);
  w.entries = kept;
  w.clock.advance(1'000'000'000);
  EXPECT_GE(w.settle().full, 1);
  EXPECT_EQ(w.who("/etc/x"), (std::vector<std::string>{"exec:sh"}));
  EXPECT_TRUE(w.drift->summary().complete);
}

INSTANTIATE_TEST_SUITE_P(
    Each, AScan,
    ::testing::Values(Unseen{.name = "stopped", .stopped = true, .empty = true},
                      Unseen{.name = "failed", .empty = true},
                      Unseen{.name = "incomplete"}),
    [](const auto& info) { return info.param.name; });

// What a scan has found unchanged and the tree does not have is looked for
// before anybody gets an answer, and no record is given up for it.
TEST_F(Work, AScanOfWhatTheTreeDoesNotHaveIsMadeThoroughly) {
  EXPECT_TRUE(w.drift->take_work().thorough);
  w.drift->applied(w.full_scan());
  w.put("/etc/x", 50, Change::added);
  w.drift->observe(w.seen(FileOp::create, "/etc/x", 50), sh);
  w.settle();
  w.drift->request_full_scan();
  EXPECT_FALSE(w.drift->take_work().thorough);
  const auto kept = w.entries;
  w.take("/etc/x");
  auto scan = w.full_scan();
  scan.unchanged = {{77, 1}};
  w.drift->applied(scan);
  EXPECT_FALSE(w.drift->summary().complete);
  EXPECT_TRUE(w.drift->scan_due());
  w.entries = kept;
  const ScanWork again = w.drift->take_work();
  EXPECT_TRUE(again.full);
  EXPECT_TRUE(again.thorough);
  w.drift->applied(w.full_scan());
  EXPECT_EQ(w.who("/etc/x"), (std::vector<std::string>{"exec:sh"}));
  EXPECT_TRUE(w.drift->summary().complete);
}

// A container may bring it about that this happens on and on.
TEST_F(Work, OfAPartThatIsPaced) {
  w.settle();
  w.clock.advance(1'000'000'000);
  w.drift->request_full_scan();
  ASSERT_TRUE(w.drift->take_work().full);
  auto slow = w.full_scan();
  slow.duration_ns = 1'000'000'000;
  w.drift->applied(slow);
  w.drift->observe(w.seen(FileOp::write, "/etc/a", 60), sh);
  w.put("/etc/a", 60, Change::added);
  w.clock.advance(100'000'000);
  const ScanWork work = w.drift->take_work();
  ASSERT_FALSE(work.parts.empty());
  auto part = w.part_of(work);
  part.directories[0].unchanged = {{77, 1}};
  w.drift->applied(part);
  EXPECT_FALSE(w.drift->summary().complete);
  EXPECT_FALSE(w.drift->take_work().full);
  w.clock.advance(60'000'000'000);
  const ScanWork again = w.drift->take_work();
  EXPECT_TRUE(again.full);
  EXPECT_TRUE(again.thorough);
}

TEST_F(Work, AThoroughScanThatWasStoppedIsMadeAgain) {
  w.settle();
  w.drift->request_thorough_scan();
  ASSERT_TRUE(w.drift->take_work().thorough);
  ScanResult stopped;
  stopped.complete = false;
  stopped.stopped = true;
  w.drift->applied(stopped);
  EXPECT_TRUE(w.drift->take_work().thorough);
}

TEST_F(Work, AStoppedScanDoesNotMakeTheStateUnknown) {
  w.settle();
  w.drift->request_full_scan();
  ASSERT_TRUE(w.drift->take_work().full);
  ScanResult stopped;
  stopped.complete = false;
  stopped.stopped = true;
  w.drift->applied(stopped);
  EXPECT_EQ(w.drift->summary().state, ContainerState::still);
  EXPECT_FALSE(w.drift->summary().complete);
  EXPECT_TRUE(w.drift->take_work().full);
}

}  // namespace
}  // namespace stillframe::drift::test
