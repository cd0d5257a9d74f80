// SPDX-License-Identifier: Apache-2.0
//
// Where there is no overlay: what is missing is seen by its name, and the
// directory that has it may be another one by then.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/drift/ledger/world.h"

namespace stillframe::drift::test {
namespace {

using ::testing::ElementsAre;

class Plain : public ::testing::Test {
 protected:
  Plain() {
    w.record.layers.plain = true;
    w.put("/data", 10, Change::none, kDirectory);
    w.put("/data/d", 60, Change::none, kDirectory);
    w.drift->started(w.record, 1);
    w.settle();
  }
  void missing(const std::string& path, std::uint32_t mode = kFile) {
    w.whiteout(path, mode).inode = {};
  }
  void look() {
    w.now += 20'000'000;
    w.clock.advance(20'000'000);
    w.drift->request_full_scan();
    w.settle();
  }
  void patience() {
    w.now += 10'000'000'000;
    w.clock.advance(10'000'000'000);
    w.drift->caught_up(w.clock.boot_ns());
    look();
  }
  // By rmdir(2), of what had been emptied.
  void remove_directory() {
    missing("/data/d", kDirectory);
    w.drift->observe(w.entries_seen(FileOp::rmdir, "/data", "d"), rm);
  }
  void make_again(std::uint64_t ino) {
    Entry& made = w.put("/data/d", ino, Change::none, kDirectory);
    if (ino != 60) {
      made.change = Change::changed;
      made.differs.opaque = true;
    }
    missing("/data/d/f");
    w.drift->observe(w.entries_seen(FileOp::mkdir, "/data", "d"), mkdir);
  }
  World w;
  Actor rm = actor("rm", Origin::exec, 1);
  Actor mkdir = actor("mkdir", Origin::exec, 2);
};

TEST_F(Plain, WhatIsMadeWhereOneWasJustRemovedIsAttributed) {
  remove_directory();
  look();
  EXPECT_THAT(w.who("/data/d"), ElementsAre("exec:rm"));
  make_again(61);
  look();
  patience();
  EXPECT_THAT(w.who("/data/d"), ElementsAre("exec:mkdir"));
}

// Whoever removed a directory, and not who made another of its name.
TEST_F(Plain, WhatWasInARemovedDirectoryWasTakenAwayWithIt) {
  for (const std::uint64_t ino : {60u, 61u}) {
    remove_directory();
    look();
    make_again(ino);
    look();
    patience();
    EXPECT_THAT(w.who("/data/d/f"), ElementsAre("exec:rm?"));
    w.take("/data/d/f");
    look();
  }
}

TEST_F(Plain, WhatWasInADirectoryRemovedBeforeALookWasTakenAwayWithIt) {
  remove_directory();
  make_again(60);
  look();
  patience();
  EXPECT_THAT(w.who("/data/d/f"), ElementsAre("exec:rm?"));
}

TEST_F(Plain, ADirectoryInAFilesPlaceWasMade) {
  w.drift->observe(w.entries_seen(FileOp::unlink, "/data", "f"), rm);
  w.put("/data/f", 70, Change::changed, kDirectory).differs.type = true;
  w.drift->observe(w.entries_seen(FileOp::mkdir, "/data", "f"), mkdir);
  look();
  patience();
  EXPECT_THAT(w.who("/data/f"), ElementsAre("exec:mkdir"));
  EXPECT_THAT(w.kinds("/data/f"), ElementsAre("dir_create"));
}

// By a call that does not say what it did: whoever put another one there.
TEST_F(Plain, WhatLacksInADirectoryThatNobodyWasSeenToRemoveIsItsMakers) {
  make_again(60);
  look();
  patience();
  EXPECT_THAT(w.who("/data/d/f"), ElementsAre("exec:mkdir?"));
}

}  // namespace
}  // namespace stillframe::drift::test
