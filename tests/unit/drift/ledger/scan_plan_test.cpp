// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/scan_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>

#include "tests/unit/drift/ledger/fake_clock.h"

namespace stillframe::drift::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr InodeId kRootInode{2, 1};
constexpr InodeId kEtc{10, 1};
constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kSecond = 1000 * kMs;

Entry directory(InodeId inode, InodeId parent, std::string name) {
  Entry e;
  e.inode = inode;
  e.parent = parent;
  e.name = std::move(name);
  e.mode = S_IFDIR | 0755;
  e.links = 2;
  return e;
}

class Plan : public ::testing::Test {
 protected:
  ScanResult full() {
    ScanResult scan;
    scan.root = kRootInode;
    scan.started_boot_ns = clock.boot_ns();
    scan.entries = {directory(kRootInode, {}, ""),
                    directory(kEtc, kRootInode, "etc")};
    return scan;
  }
  ScanResult incomplete() {
    auto scan = full();
    scan.complete = false;
    scan.errors = {{"/etc/x", "openat", EMFILE}};
    return scan;
  }
  ScanResult failed() {
    auto scan = incomplete();
    scan.entries.clear();
    return scan;
  }
  ScanResult stopped() {
    ScanResult scan;
    scan.complete = false;
    scan.stopped = true;
    return scan;
  }
  PartialResult part(std::vector<ScanError> errors = {}) {
    PartialResult result;
    result.started_boot_ns = clock.boot_ns();
    result.directories.resize(1);
    result.directories[0].inode = kEtc;
    result.directories[0].self = directory(kEtc, kRootInode, "etc");
    result.complete = errors.empty();
    result.errors = std::move(errors);
    return result;
  }
  bool apply(const ScanResult& scan) {
    if (!plan.accept(scan)) return false;
    tree.apply(scan);
    return true;
  }
  bool apply(const PartialResult& result) {
    if (!plan.accept(result)) return false;
    tree.apply(result);
    plan.settle(result);
    return true;
  }
  void scan_once() {
    ASSERT_TRUE(plan.take_work().full);
    ASSERT_TRUE(apply(full()));
    clock.advance(kMs);
  }
  void mark(const std::string& name) {
    plan.mark(kEtc, name, clock.boot_ns());
    clock.advance(10 * kMs);
  }

  FakeClock clock;
  UpperTree tree;
  DirectoryPaths directories{tree, kRootInode};
  ScanPlan plan{clock, tree, directories};
};

TEST_F(Plan, BeginsWithEverything) {
  EXPECT_TRUE(plan.due());
  EXPECT_FALSE(plan.saw_everything());
  EXPECT_EQ(plan.why_not_complete(), "the rootfs has not been scanned yet");
  EXPECT_TRUE(plan.take_work().full);
  EXPECT_TRUE(plan.under_way());
  EXPECT_FALSE(plan.take_work());
  EXPECT_TRUE(apply(full()));
  EXPECT_TRUE(plan.up_to_date());
  EXPECT_EQ(plan.next_boot_ns(), 0u);
  EXPECT_EQ(plan.last_complete(), clock.wall());
}

// It is no trouble, and what it has left is looked at at once.
TEST_F(Plan, GoesOnWhereAPartHadEnough) {
  constexpr InodeId kLib{20, 1};
  constexpr InodeId kNew{30, 1};
  scan_once();
  ScanResult more = full();
  more.entries.push_back(directory(kLib, kRootInode, "lib"));
  plan.request_full();
  ASSERT_TRUE(plan.take_work().full);
  ASSERT_TRUE(apply(more));
  mark("a");
  plan.mark(kLib, "b", clock.boot_ns());
  clock.advance(10 * kMs);
  ASSERT_EQ(plan.take_work().parts.size(), 2u);
  PartialResult result = part();
  result.directories[0].entries = {directory(kNew, kEtc, "new")};
  result.enough = true;
  result.later = {kNew};
  ASSERT_TRUE(apply(result));
  EXPECT_FALSE(plan.failing());
  EXPECT_FALSE(plan.up_to_date());
  EXPECT_FALSE(plan.looked_at(kNew));
  const auto work = plan.take_work();
  ASSERT_EQ(work.parts.size(), 2u);
  EXPECT_EQ(work.parts[0].directory, "/lib");
  EXPECT_THAT(work.parts[0].names, ElementsAre("b"));
  EXPECT_EQ(work.parts[1].directory, "/etc/new");
  EXPECT_TRUE(work.parts[1].full);
}

TEST_F(Plan, WaitsForAnOperationsLaterEvents) {
  scan_once();
  plan.mark(kEtc, "a", clock.boot_ns());
  EXPECT_FALSE(plan.due());
  EXPECT_EQ(plan.next_boot_ns(), clock.boot_ns() + DirtySet::kDebounceNs);
  clock.advance(DirtySet::kDebounceNs);
  const auto work = plan.take_work();
  ASSERT_EQ(work.parts.size(), 1u);
  EXPECT_EQ(work.parts[0].directory, "/etc");
  EXPECT_THAT(work.parts[0].names, ElementsAre("a"));
}

TEST_F(Plan, LooksOnceMoreWhenMoreMayHaveFollowedUnreported) {
  scan_once();
  const auto seen = clock.boot_ns();
  plan.mark_later(kEtc, "a", seen);
  EXPECT_FALSE(plan.due());
  EXPECT_TRUE(plan.up_to_date());  // as far as anybody knows
  EXPECT_GE(plan.next_boot_ns(), seen + ScanPlan::kUnreportedNs);
  clock.advance(ScanPlan::kUnreportedNs + LaterMarks::kStepNs);
  EXPECT_TRUE(plan.due());
  const auto work = plan.take_work();
  ASSERT_EQ(work.parts.size(), 1u);
  EXPECT_THAT(work.parts[0].names, ElementsAre("a"));
  EXPECT_EQ(plan.next_boot_ns(), 0u);
}

TEST_F(Plan, LooksAtEverythingWhenASecondOfSuppressionIsOver) {
  scan_once();
  plan.need_full_later(clock.boot_ns());
  EXPECT_FALSE(plan.due());
  clock.advance(ScanPlan::kUnreportedNs + LaterMarks::kStepNs);
  EXPECT_TRUE(plan.take_work().full);
}

TEST_F(Plan, PacesADirectoryByWhatItsScanTook) {
  scan_once();
  mark("a");
  ASSERT_TRUE(plan.take_work());
  auto slow = part();
  slow.duration_ns = kSecond;
  ASSERT_TRUE(apply(slow));
  mark("a");
  EXPECT_FALSE(plan.due());
  clock.advance(DirtySet::kPace * kSecond);
  EXPECT_TRUE(plan.due());
}

TEST_F(Plan, PacesFullScansUnlessSomebodyAsks) {
  ASSERT_TRUE(plan.take_work().full);
  auto slow = full();
  slow.duration_ns = kSecond;
  ASSERT_TRUE(apply(slow));
  plan.need_full();
  EXPECT_FALSE(plan.due());
  plan.request_full();
  EXPECT_TRUE(plan.due());
}

TEST_F(Plan, ADirectoryMadeSinceComesWithItsParent) {
  scan_once();
  const InodeId made{20, 1};
  ASSERT_TRUE(directories.seen(made, kEtc, "d", clock.boot_ns()));
  mark("d");
  plan.mark_all(made, clock.boot_ns());
  clock.advance(10 * kMs);
  const auto work = plan.take_work();
  EXPECT_FALSE(work.full);
  ASSERT_EQ(work.parts.size(), 1u);
  EXPECT_EQ(work.parts[0].inode, kEtc);
  EXPECT_TRUE(plan.pending(made));
}

TEST_F(Plan, AnUnknownDirectoryMeansEverything) {
  scan_once();
  plan.mark_all({99, 1}, clock.boot_ns());
  clock.advance(10 * kMs);
  EXPECT_TRUE(plan.take_work().full);
}

TEST_F(Plan, WhatNoScanCanTellWasNotSeen) {
  ASSERT_TRUE(plan.take_work().full);
  auto scan = full();
  scan.unknowable = "something may have been removed";
  ASSERT_TRUE(apply(scan));
  EXPECT_FALSE(plan.failing());
  EXPECT_FALSE(plan.saw_everything());
  EXPECT_EQ(plan.why_not_complete(), "something may have been removed");
}

// What a result that is of no use leaves to be done.
struct Useless {
  std::string name;
  bool stopped = false;
  bool empty = false;
  bool taken_in = false;
  bool failing = false;
};

class AFullScan : public Plan, public ::testing::WithParamInterface<Useless> {};

TEST_P(AFullScan, ThatDidNotSeeAllForgetsNothing) {
  const auto& c = GetParam();
  scan_once();
  const auto seen = plan.last_complete();
  mark("a");
  plan.request_full();
  ASSERT_TRUE(plan.take_work().full);
  EXPECT_FALSE(plan.pending(kEtc));
  EXPECT_EQ(apply(c.stopped ? stopped()
                  : c.empty ? failed()
                            : incomplete()),
            c.taken_in);
  EXPECT_TRUE(plan.pending(kEtc));
  EXPECT_FALSE(plan.looked_at(kEtc));
  EXPECT_FALSE(plan.up_to_date());
  EXPECT_EQ(plan.failing(), c.failing);
  EXPECT_EQ(plan.saw_everything(), !c.failing);
  EXPECT_EQ(plan.last_complete(), seen);
  if (c.stopped) {
    EXPECT_TRUE(plan.take_work().full);  // as it was asked for
    return;
  }
  EXPECT_EQ(plan.why_not_complete(), "/etc/x: openat: Too many open files");
  EXPECT_THAT(plan.trouble(), ElementsAre(plan.why_not_complete()));
  // At least the place that was marked is looked at before the next try.
  clock.advance(10 * kMs);
  EXPECT_FALSE(plan.take_work().full);
  ASSERT_TRUE(apply(part()));
  EXPECT_FALSE(plan.saw_everything());
  clock.advance(kSecond);
  ASSERT_TRUE(plan.take_work().full);
  ASSERT_TRUE(apply(full()));
  EXPECT_FALSE(plan.failing());
  EXPECT_TRUE(plan.up_to_date());
  EXPECT_THAT(plan.trouble(), IsEmpty());
  EXPECT_EQ(plan.why_not_complete(), "");
}

INSTANTIATE_TEST_SUITE_P(
    Each, AFullScan,
    ::testing::Values(
        Useless{.name = "stopped", .stopped = true},
        Useless{.name = "failed", .empty = true, .failing = true},
        Useless{.name = "incomplete", .taken_in = true, .failing = true}),
    [](const auto& info) { return info.param.name; });

TEST_F(Plan, AFullScanThatKeepsFailingIsTriedLaterAndLater) {
  ASSERT_TRUE(plan.take_work().full);
  ASSERT_FALSE(apply(failed()));
  for (const std::uint64_t seconds : {1, 2, 4, 8, 16, 32, 60, 60}) {
    EXPECT_EQ(plan.next_boot_ns(), clock.boot_ns() + seconds * kSecond);
    EXPECT_FALSE(plan.due());
    clock.advance(seconds * kSecond);
    ASSERT_TRUE(plan.take_work().full);
    ASSERT_FALSE(apply(failed()));
  }
  clock.advance(60 * kSecond);
  scan_once();
  plan.request_full();
  ASSERT_TRUE(plan.take_work().full);
  ASSERT_FALSE(apply(failed()));
  EXPECT_EQ(plan.next_boot_ns(), clock.boot_ns() + kSecond);
}

TEST_F(Plan, APartWithErrorsIsTriedLaterAndLaterThenAllIsLookedAt) {
  scan_once();
  mark("a");
  for (const std::uint64_t seconds : {1, 2, 4}) {
    const auto work = plan.take_work();
    ASSERT_EQ(work.parts.size(), 1u);
    EXPECT_THAT(work.parts[0].names, ElementsAre("a"));
    ASSERT_TRUE(apply(part({{"/etc/a", "openat", EMFILE}})));
    EXPECT_TRUE(plan.failing());
    EXPECT_TRUE(plan.pending(kEtc));
    EXPECT_FALSE(plan.up_to_date());
    EXPECT_FALSE(plan.saw_everything());
    EXPECT_THAT(plan.trouble(),
                ElementsAre("/etc/a: openat: Too many open files"));
    EXPECT_FALSE(plan.due());
    clock.advance(seconds * kSecond);
    EXPECT_TRUE(plan.due());
  }
  ASSERT_EQ(plan.take_work().parts.size(), 1u);
  ASSERT_TRUE(apply(part()));
  EXPECT_FALSE(plan.failing());
  EXPECT_THAT(plan.trouble(), IsEmpty());
  EXPECT_TRUE(plan.take_work().full);
}

TEST_F(Plan, WhatAPartCouldNotReadAFullScanSettles) {
  scan_once();
  mark("a");
  ASSERT_EQ(plan.take_work().parts.size(), 1u);
  ASSERT_TRUE(apply(part({{"/etc/a", "openat", EMFILE}})));
  plan.request_full();
  ASSERT_TRUE(plan.take_work().full);
  ASSERT_TRUE(apply(full()));
  EXPECT_FALSE(plan.failing());
  EXPECT_TRUE(plan.saw_everything());
  EXPECT_THAT(plan.trouble(), IsEmpty());
}

TEST_F(Plan, APartThatWasStoppedIsDoneAgain) {
  scan_once();
  mark("a");
  ASSERT_TRUE(plan.take_work());
  PartialResult stopped;
  stopped.stopped = true;
  EXPECT_FALSE(apply(stopped));
  EXPECT_FALSE(plan.failing());
  clock.advance(10 * kMs);
  const auto work = plan.take_work();
  ASSERT_EQ(work.parts.size(), 1u);
  EXPECT_THAT(work.parts[0].names, ElementsAre("a"));
}

TEST_F(Plan, APartWithoutAllItsDirectoriesIsTriedAgain) {
  scan_once();
  mark("a");
  ASSERT_TRUE(plan.take_work());
  PartialResult nothing;
  nothing.started_boot_ns = clock.boot_ns();
  EXPECT_FALSE(apply(nothing));
  EXPECT_TRUE(plan.failing());
  EXPECT_FALSE(plan.due());
  clock.advance(kSecond);
  EXPECT_EQ(plan.take_work().parts.size(), 1u);
}

// A directory that is not where it was: what is made of it depends on the tree.
TEST_F(Plan, AStaleDirectoryThatTheTreeHasThereMeansEverything) {
  scan_once();
  mark("a");
  ASSERT_TRUE(plan.take_work());
  auto stale = part();
  stale.directories[0].stale = true;
  ASSERT_TRUE(plan.accept(stale));
  plan.settle(stale);
  EXPECT_FALSE(plan.up_to_date());
  clock.advance(kMs);
  EXPECT_TRUE(plan.take_work().full);
}

TEST_F(Plan, TooManyPlacesBecomeEverything) {
  scan_once();
  for (std::uint64_t ino = 100; ino < 200 + DirtySet::kMaxDirectories; ++ino) {
    plan.mark_all({ino, 1}, clock.boot_ns());
  }
  EXPECT_FALSE(plan.looked_at({5, 1}));  // nobody knows which were left out
  ASSERT_TRUE(plan.take_work().full);
  ASSERT_FALSE(apply(failed()));
  EXPECT_FALSE(plan.looked_at({5, 1}));
  clock.advance(kSecond);
  scan_once();
  EXPECT_TRUE(plan.looked_at({5, 1}));
}

}  // namespace
}  // namespace stillframe::drift::test
