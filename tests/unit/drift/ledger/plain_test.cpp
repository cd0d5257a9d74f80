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

// Who moves something into the new one has not named what is missing there.
TEST_F(Plain, WhoWorksInADirectoryMadeAgainIsNotNamedAlone) {
  remove_directory();
  look();
  make_again(61);
  auto moved = w.entries_seen(FileOp::rename, "/data/d", "x");
  moved.hint_to = "y";
  w.drift->observe(moved, mkdir);
  look();
  patience();
  EXPECT_THAT(w.who("/data/d/f"), ElementsAre("exec:rm?", "exec:mkdir?"));
}

TEST_F(Plain, WhoWorksInOneMadeAgainBeforeALookIsNotNamedAlone) {
  remove_directory();
  make_again(61);
  auto moved = w.entries_seen(FileOp::rename, "/data/d", "x");
  moved.hint_to = "y";
  w.drift->observe(moved, actor("mv", Origin::exec, 3));
  look();
  patience();
  EXPECT_THAT(w.who("/data/d/f"), ElementsAre("exec:rm?", "exec:mv?"));
}

// As the image's is, so that nothing shows that it is another.
TEST_F(Plain, WhatWasMissingInTheOneBeforeIsWhoseItWas) {
  missing("/data/d/f");
  auto removed = w.seen(FileOp::unlink, "/data/d/f", 95);
  removed.mode = kFile;
  w.drift->observe(removed, rm);
  look();
  EXPECT_THAT(w.who("/data/d/f"), ElementsAre("exec:rm"));
  w.take("/data/d");
  w.put("/data/d", 61, Change::none, kDirectory);
  missing("/data/d/f");
  auto moved = w.entries_seen(FileOp::rename, "/data/d", "x");
  moved.hint_to = "y";
  w.drift->observe(moved, mkdir);
  look();
  patience();
  EXPECT_THAT(w.who("/data/d/f"), ElementsAre("exec:rm"));
}

// By a call that does not say what it did: whoever put another one there.
TEST_F(Plain, WhatLacksInADirectoryThatNobodyWasSeenToRemoveIsItsMakers) {
  make_again(60);
  look();
  patience();
  EXPECT_THAT(w.who("/data/d/f"), ElementsAre("exec:mkdir?"));
}

// By a call that does not say what it did. The directory itself is as the
// image's was that it took the place of.
TEST_F(Plain, WhatCameWithADirectoryIsWhoseMovedIt) {
  w.put("/data/e", 70, Change::none, kDirectory);
  w.put("/data/e/sub", 71, Change::none, kDirectory);
  look();
  w.take("/data/d");
  w.move("/data/e", "/data/d");
  w.put("/data/d/a", 80, Change::added);
  w.at("/data/d/sub").change = Change::added;
  w.put("/data/d/sub/b", 81, Change::added);
  w.at("/data/d").ctime = w.wall(w.tick());
  w.drift->observe(w.entries_seen(FileOp::unknown, "/data"), mkdir);
  look();
  patience();
  for (const char* path : {"/data/d/a", "/data/d/sub", "/data/d/sub/b"}) {
    EXPECT_THAT(w.who(path), ElementsAre("exec:mkdir")) << path;
    EXPECT_THAT(w.kinds(path), ElementsAre("file_rename")) << path;
  }
}

TEST_F(Plain, WhatWasChangedBeforeItsDirectoryWasMovedCameWithIt) {
  w.put("/data/d/a", 80, Change::changed).differs.xattr = true;
  auto changed = w.seen(FileOp::xattr, "/data/d/a", 80);
  changed.mode = kFile;
  w.drift->observe(changed, rm);
  w.drift->observe(w.entries_seen(FileOp::unlink, "/data/d", "b"), rm);
  w.at("/data/d").change = Change::changed;
  w.at("/data/d").differs.time = true;
  look();
  w.move("/data/d", "/data/m");
  w.at("/data/m").change = Change::added;
  w.at("/data/m").ctime = w.wall(w.tick());
  w.at("/data/m/a").change = Change::added;
  auto moved = w.entries_seen(FileOp::rename, "/data", "d");
  moved.hint_to = "m";
  w.drift->observe(moved, mkdir);
  look();
  patience();
  EXPECT_THAT(w.kinds("/data/m/a"),
              ::testing::UnorderedElementsAre("xattr_change", "file_rename"));
  EXPECT_THAT(w.who("/data/m/a"), ElementsAre("exec:rm", "exec:mkdir"));
  EXPECT_THAT(w.who("/data/m"), ElementsAre("exec:mkdir"));
}

// It was taken away by another, maybe, where the directory was meanwhile.
TEST_F(Plain, WhoBringsADirectoryBackIsNotSureToHaveTakenAwayWhatItLacks) {
  w.put("/data/d/sub", 71, Change::none, kDirectory);
  look();
  w.move("/data/d", "/data/m");
  w.at("/data/m").change = Change::added;
  w.at("/data/m/sub").change = Change::added;
  look();
  w.move("/data/m", "/data/d");
  w.at("/data/d").change = Change::none;
  w.at("/data/d/sub").change = Change::none;
  missing("/data/d/sub/f");
  w.drift->observe(w.entries_seen(FileOp::unknown, "/data"), mkdir);
  look();
  patience();
  EXPECT_THAT(w.who("/data/d/sub/f"), ElementsAre("exec:mkdir?"));
}

TEST_F(Plain, WhatIsNewerThanItsDirectorysComingDidNotComeWithIt) {
  w.put("/data/e", 70, Change::none, kDirectory);
  look();
  w.take("/data/d");
  w.move("/data/e", "/data/d");
  w.at("/data/d").ctime = w.wall(w.tick());
  w.drift->observe(w.entries_seen(FileOp::unknown, "/data"), mkdir);
  w.put("/data/d/a", 80, Change::added).ctime = w.wall(w.tick());
  look();
  patience();
  EXPECT_THAT(w.who("/data/d/a"), ElementsAre("unattributed"));
}

TEST_F(Plain, ADirectoryThatIsChangedBeforeALookWasMade) {
  for (const std::uint32_t mode : {kDirectory, kFile}) {
    const std::string name = mode == kDirectory ? "m" : "n";
    const std::uint64_t ino = mode == kDirectory ? 90 : 91;
    const bool directory = mode == kDirectory;
    w.put("/data/" + name, ino, Change::added, mode);
    w.drift->observe(w.entries_seen(directory ? FileOp::mkdir : FileOp::create,
                                    "/data", name),
                     mkdir);
    auto changed = w.seen(FileOp::chmod, "/data/" + name, ino);
    changed.mode = mode;
    w.drift->observe(changed, mkdir);
    look();
    EXPECT_THAT(w.reported(),
                ::testing::Contains(
                    (directory ? "dir_create /data/" : "file_create /data/") +
                    name + " by mkdir violation"));
  }
}

// One look finds it gone, the next where it is now.
TEST_F(Plain, ADirectoryThatWasMovedBetweenTwoLooksWasMoved) {
  w.put("/data/d/a", 80, Change::changed).differs.content = true;
  look();
  w.take("/data/d");
  missing("/data/d", kDirectory);
  look();
  w.put("/data/m", 60, Change::added, kDirectory);
  w.put("/data/m/a", 80, Change::added);
  auto moved = w.entries_seen(FileOp::rename, "/data", "d");
  moved.hint_to = "m";
  w.drift->observe(moved, mkdir);
  look();
  patience();
  EXPECT_THAT(w.kinds("/data/m"), ElementsAre("file_rename"));
  EXPECT_EQ(w.former("/data/m"), "/data/d");
  EXPECT_THAT(w.kinds("/data/m/a"), ElementsAre("file_rename"));
}

}  // namespace
}  // namespace stillframe::drift::test
