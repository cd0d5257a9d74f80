// SPDX-License-Identifier: Apache-2.0
//
// The runtime's own writes: seen before the first life, or known by their
// shape.
#include "agent/drift/ledger/runtime_writes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/drift/ledger/world.h"

namespace stillframe::drift::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(RuntimeWrites, SeenBeforeTheFirstLifeAreTheRuntimes) {
  World w;
  w.settle();
  w.put("/odd", 50, Change::added).size = 5;
  auto o = w.seen(FileOp::create, "/odd", 50);
  o.live = false;
  w.drift->observe(o, actor("runc", Origin::runtime));
  w.drift->started(w.record, w.tick());
  w.settle();
  EXPECT_THAT(w.events, IsEmpty());
  EXPECT_EQ(w.row("/odd")->verdict, Verdict::runtime);
  EXPECT_THAT(w.who("/odd"), ElementsAre("runtime:runc"));
  EXPECT_FALSE(w.drift->summary().ever_mutated);
}

TEST(RuntimeWrites, AlsoWhenReportedAfterItBegan) {
  World w;
  auto o = w.seen(FileOp::create, "/odd", 50);
  o.live = false;
  w.put("/odd", 50, Change::added);
  w.drift->started(w.record, w.tick());
  w.drift->observe(o, actor("runc", Origin::runtime));
  w.settle();
  EXPECT_EQ(w.row("/odd")->verdict, Verdict::runtime);
}

TEST(RuntimeWrites, OfAPlainRootfsAreThoseOlderThanItsFirstLife) {
  World w;
  w.record.layers.plain = true;
  const auto made = w.tick();
  w.put("/odd", 50, Change::added).ctime = w.wall(made);
  const auto live = made + 50'000'000;  // more than a tick of the clock
  w.put("/late", 51, Change::added).ctime = w.wall(live);
  w.drift->started(w.record, live);
  w.now = live + 1'000'000;
  w.settle();
  EXPECT_EQ(w.row("/odd")->verdict, Verdict::runtime);
  EXPECT_EQ(w.row("/late")->verdict, Verdict::violation);
  EXPECT_THAT(w.events, SizeIs(1));
}

TEST(RuntimeWrites, OfAPlainRootfsAreNotGuessedInALaterLife) {
  World w;
  w.record.layers.plain = true;
  w.settle();  // known before it began to live
  const auto made = w.tick();
  w.put("/odd", 50, Change::added).ctime = w.wall(made);
  w.drift->started(w.record, made + 50'000'000);
  w.drift->request_full_scan();
  w.settle();
  EXPECT_EQ(w.row("/odd")->verdict, Verdict::violation);
}

TEST(RuntimeWrites, EndWithTheFirstWriteOfTheContainerItself) {
  World w;
  auto o = w.seen(FileOp::create, "/odd", 50);
  o.live = false;
  w.put("/odd", 50, Change::added);
  w.drift->observe(o, actor("runc", Origin::runtime));
  w.drift->started(w.record, w.tick());
  w.drift->observe(w.seen(FileOp::write, "/odd", 50), actor("sh"));
  w.settle();
  EXPECT_EQ(w.row("/odd")->verdict, Verdict::violation);
  EXPECT_THAT(w.events, SizeIs(1));
}

TEST(RuntimeWrites, AWriteIntoAStoppedContainerIsAViolation) {
  World w;
  w.put("/etc", 10, Change::none, kDirectory);
  w.drift->started(w.record, 1);
  w.settle();
  w.drift->stopped(w.tick());
  w.put("/etc/x", 50, Change::added).size = 3;
  auto o = w.seen(FileOp::create, "/etc/x", 50);
  o.live = false;
  w.drift->observe(o, actor("podman", Origin::host));
  w.put("/etc/resolv.conf", 51, Change::added).size = 0;
  auto own = w.seen(FileOp::create, "/etc/resolv.conf", 51);
  own.live = false;
  w.drift->observe(own, actor("podman", Origin::host));
  w.put("/etc/hosts", 52, Change::added).size = 9;
  auto full = w.seen(FileOp::create, "/etc/hosts", 52);
  full.live = false;
  w.drift->observe(full, actor("podman", Origin::host));
  w.settle();
  EXPECT_EQ(w.row("/etc/x")->verdict, Verdict::violation);
  EXPECT_EQ(w.row("/etc/resolv.conf")->verdict, Verdict::runtime);
  EXPECT_EQ(w.row("/etc/hosts")->verdict, Verdict::violation);
  EXPECT_THAT(w.reported(),
              ElementsAre("file_create /etc/x by podman violation",
                          "file_create /etc/hosts by podman violation"));
}

struct ShapeCase {
  std::string path;
  std::uint32_t mode;
  std::uint64_t size;
  Change change;
  bool own;
};

class Shape : public ::testing::TestWithParam<ShapeCase> {};

TEST_P(Shape, ShowsWhatARuntimeMakes) {
  const auto& c = GetParam();
  ContainerRecord record;
  record.mounts = {{"/data/vol/", "ext4", false}, {"/", "overlay", false}};
  Entry e;
  e.change = c.change;
  e.mode = c.mode;
  e.size = c.size;
  e.links = 1;
  EXPECT_EQ(RuntimeWrites(record).made(e, c.path, false), c.own) << c.path;
}

INSTANTIATE_TEST_SUITE_P(
    All, Shape,
    ::testing::Values(
        ShapeCase{"/etc/hosts", kFile, 0, Change::added, true},
        ShapeCase{"/etc/hosts", kFile, 1, Change::added, false},
        ShapeCase{"/etc/hosts", kFile, 0, Change::changed, false},
        ShapeCase{"/etc/hosts", S_IFLNK | 0777, 0, Change::added, false},
        ShapeCase{"/etc/hostname", kFile, 0, Change::added, true},
        ShapeCase{"/run/.containerenv", kFile, 0, Change::added, true},
        ShapeCase{"/.dockerenv", kFile, 0, Change::added, true},
        ShapeCase{"/proc", kDirectory, 4096, Change::added, true},
        ShapeCase{"/dev/console", kFile, 0, Change::added, true},
        ShapeCase{"/dev/console", S_IFCHR | 0600, 0, Change::added, false},
        ShapeCase{"/data/vol", kDirectory, 0, Change::added, true},
        ShapeCase{"/data", kDirectory, 0, Change::added, true},
        ShapeCase{"/data/other", kDirectory, 0, Change::added, false},
        ShapeCase{"/etc/mtab", kFile, 0, Change::added, true},
        ShapeCase{"/etc/shadow", kFile, 0, Change::added, false}));

TEST(RuntimeWrites, AMountPointsParentIsOwnOnlyWhileNothingElseIsInIt) {
  World w;
  w.record.mounts = {{"/data/vol", "ext4", false}};
  w.put("/data", 20, Change::added, kDirectory);
  w.put("/data/vol", 21, Change::added, kDirectory);
  w.drift->started(w.record, 0);
  w.settle();
  EXPECT_EQ(w.row("/data")->verdict, Verdict::runtime);
  EXPECT_THAT(w.events, IsEmpty());
  // Seen in the making: that does not speak against the directory.
  w.put("/data/x", 22, Change::added);
  w.drift->observe(w.seen(FileOp::create, "/data/x", 22), actor("sh"));
  w.settle();
  EXPECT_EQ(w.row("/data")->verdict, Verdict::runtime);
  EXPECT_EQ(w.drift->summary().mutated_paths, 1u);
  w.put("/data/y", 23, Change::added);
  w.drift->request_full_scan();
  w.settle();
  EXPECT_EQ(w.row("/data")->verdict, Verdict::violation);
  EXPECT_EQ(w.drift->summary().mutated_paths, 3u);
  w.take("/data/y");
  w.drift->request_full_scan();
  w.settle();
  EXPECT_EQ(w.row("/data")->verdict, Verdict::runtime);
}

TEST(RuntimeWrites, ADirectoryWithOnlyTheRuntimesFilesIsTheRuntimes) {
  World w;
  w.put("/etc", 10, Change::none, kDirectory);
  w.put("/etc/hosts", 50, Change::added).size = 0;
  w.settle();
  EXPECT_EQ(w.row("/etc")->verdict, Verdict::runtime);
  EXPECT_THAT(w.who("/etc/hosts"), ElementsAre("runtime"));
  EXPECT_NE(w.drift->summary().state, ContainerState::mutated);
}

struct LineCase {
  std::string name;
  std::string before;
  std::string now;
  bool own;
};

class UserLine : public ::testing::TestWithParam<LineCase> {};

TEST_P(UserLine, IsOneUnprivilegedEntryForTheUser) {
  const auto& c = GetParam();
  EXPECT_EQ(adds_user_line(c.before, c.now, 1000), c.own);
}

const std::string kPasswd = "root:x:0:0:root:/root:/bin/sh\n";
const std::string kAdded = "1000:*:1000:0:container user:/:/bin/sh\n";

INSTANTIATE_TEST_SUITE_P(
    All, UserLine,
    ::testing::Values(
        LineCase{"podman", kPasswd, kPasswd + kAdded, true},
        LineCase{"no_last_newline", kPasswd.substr(0, kPasswd.size() - 1),
                 kPasswd + kAdded, true},
        LineCase{"empty_before", "", kAdded, true},
        LineCase{"with_x", kPasswd, kPasswd + "u:x:1000:5:g:/:/bin/sh\n", true},
        LineCase{"other_uid", kPasswd, kPasswd + "u:*:1001:0:g:/:/bin/sh\n",
                 false},
        LineCase{"another_root", kPasswd, kPasswd + "u:*:0:0:g:/:/bin/sh\n",
                 false},
        LineCase{"no_password", kPasswd, kPasswd + "u::1000:0:g:/:/bin/sh\n",
                 false},
        LineCase{"two_lines", kPasswd, kPasswd + kAdded + kAdded, false},
        LineCase{"changed_before", kPasswd, "x" + kPasswd + kAdded, false},
        LineCase{"nothing_added", kPasswd, kPasswd, false},
        LineCase{"few_fields", kPasswd, kPasswd + "u:*:1000\n", false}),
    [](const auto& info) { return info.param.name; });

TEST(RuntimeWrites, NobodyAddsALineForRoot) {
  EXPECT_FALSE(adds_user_line("", "u:*:0:0:g:/:/bin/sh\n", 0));
}

TEST(RuntimeWrites, TheGroupsLineIsTheUsersOwn) {
  const std::string before = "root:x:0:\n";
  EXPECT_TRUE(adds_group_line(before, before + "55:x:55:1000\n", 1000));
  EXPECT_FALSE(adds_group_line(before, before + "55:x:55:1001\n", 1000));
  EXPECT_FALSE(adds_group_line(before, before + "w:x:0:1000\n", 1000));
  EXPECT_FALSE(adds_group_line(before, before + "55::55:1000\n", 1000));
}

class UserFiles : public ::testing::Test {
 protected:
  UserFiles() {
    for (const auto* layer : {"upper", "lower"}) {
      std::filesystem::create_directories(dir / (std::string(layer) + "/etc"));
    }
    write("lower", kPasswd);
    w.record.layers.upper = dir / "upper";
    w.record.layers.lower = {dir / "empty", dir / "lower"};
    w.record.init_uid = 1000;
    w.put("/etc", 10, Change::none, kDirectory);
    auto& e = w.put("/etc/passwd", 50, Change::changed);
    e.differs.content = e.differs.time = true;
  }
  void write(const std::string& layer, const std::string& text) {
    std::ofstream(dir / (layer + "/etc/passwd")) << text;
  }
  Verdict verdict() {
    w.drift->started(w.record, 0);
    w.settle();
    return w.row("/etc/passwd")->verdict;
  }
  ScratchDirectory dir;
  World w;
};

TEST_F(UserFiles, TheUsersEntryIsTheRuntimes) {
  write("upper", kPasswd + kAdded);
  EXPECT_EQ(verdict(), Verdict::runtime);
  EXPECT_THAT(w.events, IsEmpty());
}

TEST_F(UserFiles, WhatCannotBeReadIsJudgedLater) {
  write("upper", kPasswd + "evil::0:0::/:/bin/sh\n");
  {
    const NoDescriptors none;
    EXPECT_EQ(verdict(), Verdict::runtime);
    EXPECT_FALSE(w.drift->summary().complete);
  }
  EXPECT_EQ(w.row("/etc/passwd")->verdict, Verdict::violation);
  EXPECT_TRUE(w.drift->summary().complete);
}

TEST_F(UserFiles, AnythingElseIsNot) {
  write("upper", kPasswd + "evil::0:0::/:/bin/sh\n");
  EXPECT_EQ(verdict(), Verdict::violation);
}

TEST_F(UserFiles, AWriteThatWasSeenWins) {
  write("upper", kPasswd + kAdded);
  w.drift->started(w.record, 1);
  w.drift->observe(w.seen(FileOp::write, "/etc/passwd", 50), actor("sh"));
  w.settle();
  EXPECT_EQ(w.row("/etc/passwd")->verdict, Verdict::violation);
}

TEST_F(UserFiles, LinksAreNotFollowed) {
  std::ofstream(dir / "elsewhere") << kPasswd + kAdded;
  std::filesystem::create_symlink(dir / "elsewhere", dir / "upper/etc/passwd");
  EXPECT_EQ(verdict(), Verdict::violation);
}

TEST_F(UserFiles, NorIsALargeFileRead) {
  write("upper", kPasswd + std::string(2u << 20, 'x'));
  EXPECT_EQ(verdict(), Verdict::violation);
}

TEST_F(UserFiles, TheLinkToMountsIsTheRuntimes) {
  write("upper", kPasswd + kAdded);
  std::filesystem::create_symlink("/proc/mounts", dir / "upper/etc/mtab");
  w.put("/etc/mtab", 51, Change::added, S_IFLNK | 0777).size = 12;
  verdict();
  EXPECT_EQ(w.row("/etc/mtab")->verdict, Verdict::runtime);
}

TEST_F(UserFiles, AnotherLinkIsNot) {
  std::filesystem::create_symlink("/proc/passwd", dir / "upper/etc/mtab");
  w.put("/etc/mtab", 51, Change::added, S_IFLNK | 0777).size = 12;
  verdict();
  EXPECT_EQ(w.row("/etc/mtab")->verdict, Verdict::violation);
}

}  // namespace
}  // namespace stillframe::drift::test
