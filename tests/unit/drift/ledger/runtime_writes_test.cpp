// SPDX-License-Identifier: Apache-2.0
//
// The runtime's own writes: seen before the first life, or known by their
// shape.
#include "agent/drift/ledger/runtime_writes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tuple>

#include <filesystem>
#include <fstream>

#include "tests/unit/drift/ledger/world.h"

namespace stillframe::drift::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct AheadCase {
  std::string name;
  std::string path;
  std::uint64_t size = 0;
  std::uint32_t mode = kFile;
  bool own = false;
};

class SeenAhead : public ::testing::TestWithParam<AheadCase> {};

// Whoever did it, and whether it is known before or after the first program.
TEST_P(SeenAhead, OfTheFirstLifeIsTheRuntimesIfItMakesSuch) {
  const auto& c = GetParam();
  for (const bool reported_late : {false, true}) {
    World w;
    w.put("/etc", 10, Change::none, kDirectory);
    w.put("/data", 20, Change::none, kDirectory);
    w.record.mounts = {{"/data/vol", "ext4", false}};
    auto o = w.seen(FileOp::create, c.path, 50);
    o.mode = c.mode;
    o.live = false;
    w.put(c.path, 50, Change::added, c.mode).size = c.size;
    if (!reported_late) w.drift->observe(o, actor("cp", Origin::host));
    w.drift->started(w.record, w.tick());
    if (reported_late) w.drift->observe(o, actor("cp", Origin::host));
    w.settle();
    EXPECT_EQ(w.row(c.path)->verdict,
              c.own ? Verdict::runtime : Verdict::violation);
    EXPECT_THAT(w.who(c.path), ElementsAre(c.own ? "runtime:cp" : "host:cp"));
    EXPECT_THAT(w.events, SizeIs(c.own ? 0 : 1));
    EXPECT_EQ(w.drift->summary().ever_mutated, !c.own);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Each, SeenAhead,
    ::testing::Values(AheadCase{"odd_place", "/odd"},
                      AheadCase{"odd_place_with_content", "/odd", 5},
                      AheadCase{"hosts", "/etc/hosts", 0, kFile, true},
                      AheadCase{"hosts_with_content", "/etc/hosts", 5},
                      AheadCase{"mount_point", "/data/vol", 0, kFile, true},
                      AheadCase{"its_neighbour", "/data/other"},
                      AheadCase{"payload_under_a_mount", "/data/vol", 9},
                      AheadCase{"set_user_id", "/data/vol", 0,
                                S_IFREG | 04755}),
    [](const auto& info) { return info.param.name; });

TEST(RuntimeWrites, OfAPlainRootfsAreTheSame) {
  World w;
  w.record.layers.plain = true;
  w.put("/etc", 10, Change::none, kDirectory);
  const auto made = w.tick();
  w.put("/odd", 50, Change::added).ctime = w.wall(made);
  auto& hosts = w.put("/etc/hosts", 51, Change::added);
  hosts.ctime = w.wall(made);
  hosts.size = 0;
  w.drift->started(w.record, made + 50'000'000);
  w.settle();
  EXPECT_EQ(w.row("/etc/hosts")->verdict, Verdict::runtime);
  EXPECT_EQ(w.row("/odd")->verdict, Verdict::violation);
}

// Of a container that ended at once nobody could read where it mounts.
TEST(RuntimeWrites, AreKnownByWhoPreparesTheStartWhereverTheyAre) {
  for (const auto& [who, mode, runtimes] :
       {std::tuple{actor("runc:[2:INIT]", Origin::workload), kDirectory, true},
        std::tuple{actor("sh", Origin::host), kDirectory, false},
        std::tuple{actor("runc:[2:INIT]", Origin::workload),
                   std::uint32_t{S_IFCHR | 0600}, false}}) {
    World w;
    auto o = w.seen(FileOp::mkdir, "/vol", 50);
    o.live = false;
    o.mode = mode;
    w.put("/vol", 50, Change::added, mode);
    w.drift->observe(o, who);
    w.drift->started(w.record, w.tick());
    w.settle();
    EXPECT_EQ(w.row("/vol")->verdict,
              runtimes ? Verdict::runtime : Verdict::violation);
    EXPECT_THAT(w.events, SizeIs(runtimes ? 0 : 1));
  }
}

// The container's first program may take them away before anybody looks.
TEST(RuntimeWrites, AreNoChangeThoughTheyAreGoneAtOnce) {
  World w;
  w.put("/etc", 10, Change::none, kDirectory);
  auto o = w.seen(FileOp::symlink, "/etc/mtab", 50);
  o.live = false;
  w.drift->observe(o, actor("podman", Origin::host));
  w.drift->started(w.record, w.tick());
  w.settle();
  EXPECT_THAT(w.events, IsEmpty());
}

TEST(RuntimeWrites, AnOwnerThatTheRootHasAlreadyIsNoChange) {
  World w;
  w.settle();
  for (int i = 0; i < 2; ++i) {
    auto o = w.seen(FileOp::chown, "/", kRoot);
    o.live = false;
    w.drift->observe(o, actor("podman", Origin::host));
  }
  w.drift->started(w.record, w.tick());
  w.settle();
  EXPECT_THAT(w.events, IsEmpty());
}

TEST(RuntimeWrites, EndWithTheFirstWriteOfTheContainerItself) {
  World w;
  w.put("/etc", 10, Change::none, kDirectory);
  auto o = w.seen(FileOp::create, "/etc/hosts", 50);
  o.live = false;
  w.put("/etc/hosts", 50, Change::added).size = 0;
  w.drift->observe(o, actor("runc:[2:INIT]", Origin::workload));
  w.drift->started(w.record, w.tick());
  w.drift->observe(w.seen(FileOp::write, "/etc/hosts", 50), actor("sh"));
  w.settle();
  EXPECT_THAT(w.who("/etc/hosts"),
              ElementsAre("runtime:runc:[2:INIT]", "exec:sh"));
  EXPECT_EQ(w.row("/etc/hosts")->verdict, Verdict::violation);
  EXPECT_THAT(w.events, SizeIs(1));
}

TEST(RuntimeWrites, AreOlderThanTheContainersLifeWhereNobodySawThem) {
  constexpr std::uint64_t kMinute = 60'000'000'000;
  for (const bool late : {false, true}) {
    World w;
    w.put("/etc", 10, Change::none, kDirectory);
    const auto live = w.tick();
    auto& hosts = w.put("/etc/hosts", 50, Change::added);
    hosts.size = 0;
    hosts.ctime = w.wall(late ? live + kMinute : live - 1'000'000);
    w.drift->started(w.record, live);
    w.settle();
    EXPECT_EQ(w.row("/etc/hosts")->verdict,
              late ? Verdict::violation : Verdict::runtime);
  }
}

TEST(RuntimeWrites, OfAStoppedContainerAreKnownByItsKeptMounts) {
  ScratchDirectory dir;
  World w({.state_file = dir / "state"});
  w.put("/data", 20, Change::none, kDirectory);
  w.put("/data/vol", 50, Change::added, kDirectory);
  w.record.mounts = {{"/data/vol", "ext4", false}};
  w.drift->started(w.record, 0);
  MountEntry mount;
  mount.target = "/data/vol";
  w.drift->observe(MountsObservation{w.tick(), 7, {mount}});
  w.settle();
  EXPECT_EQ(w.row("/data/vol")->verdict, Verdict::runtime);
  w.record.mounts.clear();
  w.record.init_pid = 0;
  w.restart();
  w.settle();
  EXPECT_EQ(w.row("/data/vol")->verdict, Verdict::runtime);
}

// Of an image without /etc.
TEST(RuntimeWrites, ADirectoryMadeForAFileOfItsOwnIsTheRuntimes) {
  World w;
  w.record.asked.mounts = {"/etc/hosts"};
  w.put("/etc", 10, Change::added, kDirectory);
  auto own = w.seen(FileOp::mkdir, "/etc", 10);
  own.live = false;
  w.drift->observe(own, actor("podman", Origin::host));
  w.put("/etc/hosts", 50, Change::added).size = 0;
  w.drift->started(w.record, w.tick());
  w.settle();
  EXPECT_EQ(w.row("/etc")->verdict, Verdict::runtime);
  EXPECT_THAT(w.reported(), IsEmpty());
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
  EXPECT_EQ(RuntimeWrites(record).made(e, c.path, false,
                                       RuntimeWrites::Seen::not_at_all),
            c.own)
      << c.path;
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
        ShapeCase{"/etc/shadow", kFile, 0, Change::added, false},
        ShapeCase{"/etc/hosts", S_IFREG | 04755, 0, Change::added, false},
        ShapeCase{"/etc/hosts", S_IFREG | 0666, 0, Change::added, false},
        ShapeCase{"/data/vol", S_IFDIR | 0777, 0, Change::added, false},
        ShapeCase{"/data/vol", S_IFDIR | 02755, 0, Change::added, true}));

struct OwnerCase {
  std::string name;
  std::string path;
  std::uint32_t uid;
  bool own;
};

class Ownership : public ::testing::TestWithParam<OwnerCase> {};

TEST_P(Ownership, IsRootsOrOfTheWorkingDirectoryTheUsers) {
  const auto& c = GetParam();
  ContainerRecord record;
  record.init_pid = 7;
  record.init_uid = 33;
  record.owners = {100'000, 100'033};
  record.asked.work_dir = "/made/by/runtime";
  Entry e;
  e.change = Change::added;
  e.mode = kDirectory;
  e.uid = c.uid;
  EXPECT_EQ(RuntimeWrites(record).made(e, c.path, false,
                                       RuntimeWrites::Seen::not_at_all),
            c.own);
}

INSTANTIATE_TEST_SUITE_P(
    Each, Ownership,
    ::testing::Values(OwnerCase{"host_root", "/made/by/runtime", 0, true},
                      OwnerCase{"own_root", "/made/by/runtime", 100'000, true},
                      OwnerCase{"user", "/made/by/runtime", 100'033, true},
                      OwnerCase{"by_id_map", "/made/by/runtime", 33, true},
                      OwnerCase{"another", "/made/by/runtime", 1000, false},
                      OwnerCase{"above_it", "/made/by", 0, true},
                      OwnerCase{"above_it_users", "/made/by", 100'033, false},
                      OwnerCase{"below_it", "/made/by/runtime/x", 0, false},
                      OwnerCase{"mount_point", "/proc", 100'000, true},
                      OwnerCase{"users_mount_point", "/proc", 100'033, false}),
    [](const auto& info) { return info.param.name; });

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
  const std::string named = before + "ann:x:1000:ann\n";
  EXPECT_TRUE(adds_group_line(before, named, 1000, "ann"));
  EXPECT_FALSE(adds_group_line(before, named, 1000, "bob"));
  EXPECT_FALSE(adds_group_line(before, named, 1000));
  EXPECT_FALSE(adds_group_line(before, before + "a:x:1:\n", 1000));
  EXPECT_FALSE(adds_group_line(before, before + "a:x:0:ann\n", 1000, "ann"));
}

TEST(RuntimeWrites, AUsersNameIsThatOfTheirNumber) {
  const std::string passwd =
      "root:x:0:0::/:/bin/sh\nx:1000\n"
      "ann:*:1000:1000:Ann:/:/bin/sh\n";
  EXPECT_EQ(user_name(passwd, 1000), "ann");
  EXPECT_EQ(user_name(passwd, 0), "root");
  EXPECT_EQ(user_name(passwd, 100), "");
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
