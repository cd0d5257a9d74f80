// SPDX-License-Identifier: Apache-2.0
//
// What a scan does not know yet of a file, and what it finds that the upper
// directory does not hold.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "tests/unit/drift/ledger/world.h"

namespace stillframe::drift::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A file too large to be compared at once.
class LargeFile : public ::testing::Test {
 protected:
  LargeFile() {
    Entry& big = w_.put("/big", 50, Change::changed);
    big.shown_by_runtime = Change::changed;
    big.differs.unread = big.reading = true;
    big.ctime = w_.wall(1);
    apply_full();
  }

  void apply_full() {
    while (true) {
      const ScanWork work = w_.drift->take_work();
      if (!work) return;
      if (!work.full) {
        w_.drift->applied(w_.part_of(work));
        return;
      }
      w_.drift->applied(w_.full_scan());
    }
  }

  // The comparison has come to its end.
  void compared(bool differs) {
    Entry& big = w_.at("/big");
    big.differs.unread = big.reading = false;
    big.differs.content = differs;
    read_on();
  }

  void read_on() {
    w_.clock.advance(1'000'000'000);
    const ScanWork work = w_.drift->take_work();
    ASSERT_EQ(work.parts.size(), 1u);
    EXPECT_THAT(work.parts[0].names, ElementsAre("big"));
    w_.drift->applied(w_.part_of(work));
  }

  World w_;
};

TEST_F(LargeFile, IsNeitherStillNorMutatedUntilItIsCompared) {
  DriftSummary summary = w_.drift->summary();
  EXPECT_EQ(summary.state, ContainerState::unknown);
  EXPECT_EQ(summary.why_unknown,
            "/big: its bytes have not all been compared yet");
  EXPECT_FALSE(summary.complete);
  EXPECT_FALSE(summary.ever_mutated);
  EXPECT_THAT(w_.events, IsEmpty());
  ASSERT_NE(w_.row("/big"), nullptr);
  EXPECT_EQ(w_.row("/big")->verdict, Verdict::violation);
  EXPECT_THAT(w_.kinds("/big"), ElementsAre("unknown_change"));
  EXPECT_THAT(w_.tool_lines(), ElementsAre("C /big"));
  read_on();
  EXPECT_EQ(w_.drift->summary().state, ContainerState::unknown);
}

TEST_F(LargeFile, IsRestoredWhenAllOfItIsEqual) {
  compared(false);
  const DriftSummary summary = w_.drift->summary();
  EXPECT_EQ(summary.state, ContainerState::still);
  EXPECT_TRUE(summary.complete);
  EXPECT_FALSE(summary.ever_mutated);
  EXPECT_EQ(w_.row("/big")->verdict, Verdict::restored);
  EXPECT_FALSE(w_.drift->scan_due());
}

TEST_F(LargeFile, IsAViolationWhenItDiffers) {
  compared(true);
  EXPECT_EQ(w_.drift->summary().state, ContainerState::mutated);
  EXPECT_TRUE(w_.drift->summary().ever_mutated);
  EXPECT_THAT(w_.reported(),
              ElementsAre("unknown_change /big by unattributed violation"));
}

TEST_F(LargeFile, WhatIsSureOfItIsSaidAtOnce) {
  w_.at("/big").differs.mode = true;
  w_.drift->request_full_scan();
  apply_full();
  EXPECT_EQ(w_.drift->summary().state, ContainerState::mutated);
  EXPECT_THAT(w_.reported(),
              ElementsAre("mode_change /big by unattributed violation"));
}

TEST_F(LargeFile, ReadingOnIsPaced) {
  ScanWork work = w_.drift->take_work();
  EXPECT_FALSE(work);
  w_.clock.advance(1'000'000'000);
  work = w_.drift->take_work();
  ASSERT_TRUE(work);
  PartialResult part = w_.part_of(work);
  part.duration_ns = 100'000'000;
  w_.drift->applied(part);
  w_.clock.advance(500'000'000);
  EXPECT_FALSE(w_.drift->scan_due());
  w_.clock.advance(500'000'000);
  EXPECT_TRUE(w_.drift->scan_due());
}

TEST(Flags, AreInTheState) {
  World w;
  w.put("/conf", 50, Change::changed).differs.flags = true;
  w.settle();
  EXPECT_THAT(w.kinds("/conf"), ElementsAre("flags_change"));
  EXPECT_EQ(w.row("/conf")->verdict, Verdict::violation);
}

// A directory of the image that was moved: /old to /new.
class MovedDirectory : public ::testing::Test {
 protected:
  MovedDirectory() {
    w_.settle();
    w_.whiteout("/old", kDirectory);
    w_.put("/new", 50, Change::added, kDirectory).rare.make().redirect = "old";
    bring("/new/sub", kDirectory);
    bring("/new/sub/a", kFile);
    bring("/new/b", kFile);
  }

  void bring(const std::string& path, std::uint32_t mode) {
    Entry& entry = w_.put(path, next_++, Change::added, mode);
    entry.carried = true;
    entry.rare.make().carrier = {50, 7};
  }

  World w_;
  std::uint64_t next_ = 1ull << 63;
};

TEST_F(MovedDirectory, AllInItWasMovedByWhoeverMovedIt) {
  FileObservation seen = w_.entries_seen(FileOp::rename, "/", "new");
  w_.drift->observe(seen, actor("mv"));
  w_.settle();
  for (const char* path : {"/new/sub", "/new/sub/a", "/new/b"}) {
    SCOPED_TRACE(path);
    EXPECT_THAT(w_.kinds(path), ElementsAre("file_rename"));
    EXPECT_EQ(w_.who(path), w_.who("/new"));
    EXPECT_EQ(w_.row(path)->change, Change::added);
    EXPECT_EQ(w_.row(path)->verdict, Verdict::violation);
  }
  EXPECT_EQ(w_.drift->summary().mutated_paths, 5u);
  for (const auto& event : w_.events) {
    EXPECT_TRUE(event.path == "/new" || event.path == "/old") << event.path;
  }
}

TEST_F(MovedDirectory, NothingInItIsDeletedWhenItIsMovedBack) {
  w_.settle();
  const std::size_t before = w_.events.size();
  w_.take("/old");
  w_.take("/new");
  w_.put("/old", 50, Change::none, kDirectory);
  w_.drift->request_full_scan();
  w_.settle();
  EXPECT_EQ(w_.row("/new/b"), nullptr);
  EXPECT_EQ(w_.drift->summary().state, ContainerState::still);
  for (std::size_t i = before; i < w_.events.size(); ++i) {
    EXPECT_EQ(w_.events[i].path.rfind("/new/", 0), std::string::npos);
  }
}

TEST_F(MovedDirectory, AnotherWhoWritesInItHasNotMovedIt) {
  FileObservation seen = w_.entries_seen(FileOp::rename, "/", "new");
  w_.drift->observe(seen, actor("mv"));
  w_.settle();
  Entry& b = w_.put("/new/b", 70, Change::added);
  b.rare.make().carrier = {50, 7};
  w_.drift->observe(w_.seen(FileOp::write, "/new/b", 70), actor("sh"));
  w_.settle();
  EXPECT_THAT(w_.who("/new/b"), ElementsAre("exec:sh"));
  EXPECT_THAT(w_.kinds("/new/b"), ElementsAre("file_write", "file_rename"));
  EXPECT_THAT(w_.who("/new/sub/a"), ElementsAre("exec:mv"));
}

}  // namespace
}  // namespace stillframe::drift::test
