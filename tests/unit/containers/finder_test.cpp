// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/finder.h"

#include <gmock/gmock.h>

#include "agent/model/inode_identity.h"
#include "finder_fixture.h"

namespace stillframe::containers {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(FinderTest, FindsARunningPodmanContainer) {
  const auto upper = podman_store();
  const std::string text = overlay(kStore + "/overlay/" + kLayer + "/diff");
  contained(100, kPath + "/container",
            {.start = 500, .inner_pid = "7", .mountinfo = text});
  contained(101, kPath + "/container",
            {.start = 400, .inner_pid = "1", .mountinfo = text});
  const auto records = finder().running().items;
  ASSERT_THAT(records, SizeIs(1));
  const auto& record = records[0];
  EXPECT_EQ(record.info.name, "shop-web");
  EXPECT_EQ(record.info.runtime, "podman");
  EXPECT_EQ(record.cgroup_path, kPath);
  EXPECT_EQ(record.cgroup, cgroup_id(kPath));
  EXPECT_EQ(record.init_pid, 101u);
  EXPECT_EQ(record.init_start_ns, 4'000'000'000u);
  EXPECT_EQ(record.init_uid, 33u);
  EXPECT_EQ(record.layers.upper, upper);
  EXPECT_EQ(record.root, *upper_root_of(upper));
  ASSERT_THAT(record.mounts, SizeIs(1));
  EXPECT_EQ(record.mounts[0].path, "/proc");
  EXPECT_THAT(finder().cgroups(record).value(),
              ElementsAre(cgroup_id(kPath), cgroup_id(kPath + "/container")));
}

// Of a container's own containers, whoever is root there mounts what it likes
// at /etc/hostname: neither a name nor a build is to be had by that.
TEST_F(FinderTest, AnotherDockersFilesAreBelievedOfTheHostsContainersAlone) {
  const std::string own = "/srv/d/containers/" + kA;
  host_.file("/proc/1/mountinfo", "20 1 8:1 / / rw - ext4 /dev/sda rw\n");
  host_.file(own + "/config.v2.json", R"({"Name":"/web","Config":{}})");
  host_.directory("/l/up");
  const std::string mounts = overlay("/l/up") + "79 77 8:1 " + own +
                             "/hostname /etc/hostname rw - ext4 /dev/sda rw\n";
  const std::string outer = "/docker/" + std::string(64, 'b');
  struct Case {
    std::string cgroup;
    std::string name;
  };
  for (const auto& [cgroup, name] :
       {Case{outer + "/docker/" + kA, kA}, Case{"/docker/" + kA, "web"}}) {
    contained(100, cgroup, {.inner_pid = "1", .mountinfo = mounts});
    const auto records = finder().running().items;
    ASSERT_THAT(records, SizeIs(1)) << cgroup;
    EXPECT_EQ(records[0].info.id, kA);
    EXPECT_EQ(records[0].info.name, name) << cgroup;
    host_.remove(kCgroups + cgroup);
  }
}

TEST_F(FinderTest, NothingIsAskedAboutThoseThatAreKnown) {
  host_.directory("/l/up");
  const std::string text = overlay("/l/up");
  contained(100, "/one", {.inner_pid = "1", .mountinfo = text});
  contained(101, "/two", {.inner_pid = "1", .mountinfo = text});
  const auto records = finder().running_besides({cgroup_id("/one")}).items;
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].cgroup_path, "/two");
}

TEST_F(FinderTest, HelpersAndHostProcessesAreNoContainers) {
  contained(100, "/machine.slice/libpod-conmon-" + kA + ".scope", {});
  contained(101, kPath, {.root = "/hostroot", .ns = "[1]"});
  contained(102, "/system.slice/ssh.service",
            {.inner_pid = "", .mountinfo = overlay("/l/up")});
  host_.directory("/l/up");
  EXPECT_THAT(finder().running().items, IsEmpty());
}

TEST_F(FinderTest, ADirectoryIsARootWhereNobodyOfTheHostIsBesideIt) {
  const TempHost::Task task{
      .root = "/srv/tree",
      .inner_pid = "1",
      .mountinfo = "77 50 8:1 /srv/tree / rw - ext4 /dev/sda rw\n"};
  host_.process({.pid = 1,
                 .ppid = 0,
                 .root = "/hostroot",
                 .ns = "[1]",
                 .mountinfo = "1 0 8:1 / / rw - ext4 /dev/sda rw\n"});
  contained(100, "/job", task);
  const auto records = finder().running().items;
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].info.name, records[0].info.id);
  EXPECT_EQ(records[0].layers.upper, host_.prefix() + "/srv/tree");
  EXPECT_TRUE(records[0].layers.plain);
  contained(101, "/job", {.root = "/hostroot", .ns = "[1]"});
  EXPECT_THAT(finder().running().items, IsEmpty());
  // Whoever is beside it: it is what a bundle names.
  host_.file("/srv/config.json", R"({"root":{"path":"other"}})");
  EXPECT_THAT(finder().running().items, IsEmpty());
  host_.file("/srv/config.json",
             R"({"root":{"path":"tree"},"annotations":{"a":"b"}})");
  const auto bundled = finder().running().items;
  ASSERT_THAT(bundled, SizeIs(1));
  EXPECT_EQ(bundled[0].info.name, "job");
  EXPECT_EQ(bundled[0].info.id, records[0].info.id);
  EXPECT_EQ(bundled[0].info.labels.at("a"), "b");
}

// As a user's podman has them on a host with both kinds of hierarchies.
TEST_F(FinderTest, AContainerWithoutACgroupIsKnownByItsStarter) {
  const std::string store = "/home/ann/.local/share/containers/storage";
  host_.file("/etc/passwd", "ann:x:1000:1000::/home/ann:/bin/sh\n");
  host_.file(store + "/overlay-containers/containers.json",
             fixture("podman-containers.json"));
  host_.file(store + "/libpod/bolt_state.db", libpod_database({}));
  host_.directory(store + "/overlay/l/ABC");
  host_.file(store + "/overlay/" + kLayer + "/lower", "l/ABC");
  const auto upper = host_.directory(store + "/overlay/" + kLayer + "/diff");
  host_.file("/run/user/1000/runc/" + kA + "/state.json",
             R"({"id":")" + kA +
                 R"(","init_process_pid":100,"init_process_start":100})");
  // Who made the mount may have written any path into its options.
  const std::string theirs = store + "/overlay/" + kLayer + "/diff";
  const std::string another = "/ctrroot";
  struct Case {
    unsigned starter;
    const std::string& root;
    const char* name;
    bool found;
  };
  for (const auto& [starter, root, name, found] :
       {Case{1000, theirs, "shop-web", true},
        Case{1000, another, "shop-web", false},
        Case{1001, theirs, nullptr, false}}) {
    SCOPED_TRACE(starter);
    contained(100, "/",
              {.ppid = 90,
               .root = root,
               .inner_pid = "1",
               .mountinfo = overlay(upper)});
    contained(101, "/", {.ppid = 100, .root = root, .inner_pid = "2"});
    host_.process(
        {.pid = 90, .root = "/hostroot", .ns = "[1]", .uid = starter});
    const Finder finder = this->finder();
    const auto records = finder.running().items;
    ASSERT_THAT(records, SizeIs(1));
    const auto& record = records[0];
    EXPECT_EQ(record.layers.upper, found ? upper : "");
    EXPECT_EQ(record.info.name, name != nullptr ? name : record.info.id);
    EXPECT_EQ(record.info.id == kA, name != nullptr);
    EXPECT_EQ(record.init_pid, 100u);
    EXPECT_THAT(finder.cgroups(record).value(), ElementsAre(record.cgroup));
    EXPECT_THAT(finder.members(record).value(), SizeIs(2));
    EXPECT_THAT(finder.limit_directories(record).value(), IsEmpty());
    EXPECT_THAT(finder.running_besides({record.cgroup}).items, IsEmpty());
    EXPECT_TRUE(finder.look_again(record));
  }
  // The host's own, and whatever else is in no pid namespace of its own.
  contained(100, "/", {.root = "/hostroot", .ns = "[1]"});
  EXPECT_THAT(finder().running().items, IsEmpty());
}

struct StarterCase {
  const char* name;
  TempHost::Task starter;
  bool believed;
};

TEST_F(FinderTest, BelievesWhatRootsCommandSaysOfARuntimesStates) {
  const std::string named("runc\0--root\0/srv/states\0run\0web\0", 31);
  const StarterCase cases[] = {
      {"root's", {.root = "/hostroot", .ns = "[1]", .uid = 0}, true},
      {"a user's", {.root = "/hostroot", .ns = "[1]", .uid = 33}, false},
      {"a container's", {.root = "/other", .ns = "[3]", .uid = 0}, false},
  };
  host_.file("/srv/states/web/state.json",
             R"({"id":"web","init_process_pid":100,"init_process_start":100})");
  contained(100, "/job",
            {.ppid = 90, .inner_pid = "1", .mountinfo = overlay("/l/up")});
  host_.directory("/l/up");
  for (const StarterCase& one : cases) {
    SCOPED_TRACE(one.name);
    TempHost::Task starter = one.starter;
    starter.pid = 90;
    starter.command = named;
    host_.process(starter);
    const auto records = finder().running().items;
    ASSERT_THAT(records, SizeIs(1));
    EXPECT_EQ(records[0].info.runtime, one.believed ? "runc" : "unknown");
    EXPECT_EQ(records[0].info.name == "web", one.believed);
    EXPECT_NE(records[0].info.id, "web");
  }
}

TEST_F(FinderTest, UnexplainedCgroupsNeedPidsAndARootOfTheirOwn) {
  const auto upper = host_.directory("/l/up");
  contained(100, "/job", {.inner_pid = "1", .mountinfo = overlay("/l/up")});
  contained(101, "/plain",
            {.ns = "[3]",
             .inner_pid = "1",
             .mountinfo = "77 50 0:9 / / rw - tmpfs newroot rw\n"});
  const auto records = finder().running().items;
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].info.runtime, "unknown");
  EXPECT_EQ(records[0].cgroup_path, "/job");
  EXPECT_EQ(records[0].layers.upper, upper);
  EXPECT_THAT(records[0].layers.lower, ElementsAre(host_.prefix() + "/l/base"));
  EXPECT_EQ(finder().exists(records[0]).value(), true);
  host_.remove("/l/up");
  host_.remove(kCgroups + "/job");
  EXPECT_EQ(finder().exists(records[0]).value(), false);
}

TEST_F(FinderTest, WhoStartedItMayStillBeWritingDownWhoseItIs) {
  host_.directory("/l/up");
  contained(100, "/job",
            {.ppid = 50, .inner_pid = "1", .mountinfo = overlay("/l/up")});
  // Another one that is busy writes nothing down.
  using Starter = std::pair<std::string, std::string>;
  for (const auto& [starter, unwritten] :
       std::map<Starter, bool>{{{"crun", "R"}, true},
                               {{"crun", "D"}, true},
                               {{"crun", "S"}, false},
                               {{"spinner", "R"}, false}}) {
    host_.process({.pid = 50,
                   .root = "/hostroot",
                   .ns = "[1]",
                   .state = starter.second,
                   .comm = starter.first});
    const auto records = finder().running().items;
    ASSERT_THAT(records, SizeIs(1)) << starter.first;
    EXPECT_EQ(records[0].unwritten, unwritten)
        << starter.first << ' ' << starter.second;
  }
  // It has done so, and is gone.
  host_.remove("/proc/50");
  host_.file("/run/crun/job/status",
             R"({"pid":100,"cgroup-path":"/job","bundle":"/l"})");
  const auto records = finder().running().items;
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].info.runtime, "crun");
  EXPECT_FALSE(records[0].unwritten);
}

TEST_F(FinderTest, FindsBareRuncByItsState) {
  host_.file("/run/runc/web-1/state.json", fixture("runc-state.json"));
  host_.directory("/srv/web-1/up");
  host_.directory("/l/up");
  contained(500, "/web-1/sub",
            {.start = 12345, .inner_pid = "1", .mountinfo = overlay("/l/up")});
  const auto records = finder().running().items;
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].info.id, "web-1");
  EXPECT_EQ(records[0].info.runtime, "runc");
  EXPECT_EQ(records[0].cgroup_path, "/web-1");
}

// Whoever is root in a container may move a process below another's cgroup.
TEST_F(FinderTest, WhatARuntimeBeganIsTheContainerWhoeverElseIsThere) {
  host_.file("/run/runc/web-1/state.json", fixture("runc-state.json"));
  host_.directory("/l/up");
  const std::string mounts = overlay("/l/up");
  contained(400, "/web-1/x",
            {.start = 100, .ns = "[3]", .inner_pid = "1", .mountinfo = mounts});
  contained(
      500, "/web-1",
      {.start = 12345, .ns = "[4]", .inner_pid = "1", .mountinfo = mounts});
  auto records = finder().running().items;
  ASSERT_FALSE(records.empty());
  EXPECT_EQ(records[0].info.id, "web-1");
  EXPECT_EQ(records[0].init_pid, 500u);
  const auto members = finder().members(records[0]).value();
  ASSERT_THAT(members, SizeIs(1));
  EXPECT_EQ(members[0].pid, 500u);
  // Its own is gone, and what is left is not it.
  host_.remove("/proc/500");
  for (const auto& record : finder().running().items) {
    EXPECT_NE(record.info.id, "web-1");
  }
}

TEST_F(FinderTest, WhoLeftItsCgroupIsKnownByItsRuntime) {
  host_.file("/run/runc/web-1/state.json", fixture("runc-state.json"));
  host_.directory("/l/up");
  host_.directory(kCgroups + "/web-1");
  const std::string mounts = overlay("/l/up");
  contained(500, "/elsewhere",
            {.start = 12345, .inner_pid = "1", .mountinfo = mounts});
  contained(501, "/elsewhere/x",
            {.ppid = 500, .inner_pid = "2", .mountinfo = mounts});
  auto records = finder().running().items;
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].info.id, "web-1");
  EXPECT_EQ(records[0].cgroup, cgroup_id("/web-1"));
  EXPECT_THAT(finder().members(records[0]).value(), SizeIs(2));
  // It may remove its cgroup, too.
  host_.remove(kCgroups + "/web-1");
  records = finder().running().items;
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].info.id, "web-1");
  EXPECT_NE(records[0].cgroup, 0u);
  EXPECT_THAT(finder().members(records[0]).value(), SizeIs(2));
  EXPECT_TRUE(finder().look_again(records[0]));
  // Another process with its number is not it.
  contained(500, "/elsewhere", {.start = 12346, .ns = "[1]", .inner_pid = "1"});
  for (const auto& record : finder().running().items) {
    EXPECT_NE(record.info.id, "web-1");
  }
}

TEST_F(FinderTest, OneWithTheHostsRootIsShownAndNotCompared) {
  host_.file("/run/runc/web-1/state.json", fixture("runc-state.json"));
  host_.file("/proc/1/mountinfo", "20 1 8:1 / / rw - ext4 /dev/sda rw\n");
  contained(500, "/web-1",
            {.start = 12345,
             .root = "/hostroot",
             .inner_pid = "1",
             .mountinfo = "77 50 8:1 / / rw - ext4 /dev/sda rw\n"});
  const auto records = finder().running().items;
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].info.id, "web-1");
  EXPECT_FALSE(records[0].root);
  EXPECT_TRUE(records[0].layers.empty());
  EXPECT_THAT(records[0].trouble, Contains(HasSubstr("the host's own")));
}

TEST_F(FinderTest, AStateThatARuntimeLeftBehindIsNoContainer) {
  const std::string bundle = "/srv/s/overlay-containers/" + kA + "/userdata";
  host_.file("/run/runc/" + kA + "/state.json",
             R"({"id":")" + kA +
                 R"(","init_process_pid":9,"config":{"labels":["bundle=)" +
                 bundle + R"(","io.container.manager=libpod"]}})");
  host_.directory(bundle);
  ContainerRecord record;
  record.info.id = kA;
  record.info.runtime = "podman";
  EXPECT_EQ(finder().exists(record).value(), true);
  host_.unreadable(bundle);
  EXPECT_EQ(finder().exists(record).value(), true);
  host_.remove(bundle);
  EXPECT_EQ(finder().exists(record).value(), false);
}

TEST_F(FinderTest, ARootfsThatIsADirectoryIsProvenByItsInode) {
  host_.file("/run/runc/web-1/state.json", fixture("runc-state.json"));
  const auto rootfs = host_.directory("/srv/rootfs");
  contained(500, "/web-1",
            {.start = 12345,
             .root = "/srv/rootfs",
             .inner_pid = "1",
             .mountinfo = "77 50 8:1 /srv/rootfs / rw - ext4 /dev/sda rw\n"});
  auto records = finder().running().items;
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_TRUE(records[0].layers.empty());  // nobody says where it is
  host_.file("/proc/1/mountinfo", "20 1 8:1 / / rw - ext4 /dev/sda rw\n");
  records = finder().running().items;
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_TRUE(records[0].layers.plain);
  EXPECT_EQ(records[0].layers.upper, rootfs);
  EXPECT_THAT(records[0].layers.lower, IsEmpty());
  EXPECT_EQ(records[0].root, *upper_root_of(rootfs));
  // Something else is there than what its process has for a root.
  host_.file("/proc/500/mountinfo",
             "77 50 8:1 /srv/other / rw - ext4 /dev/sda rw\n");
  host_.directory("/srv/other");
  EXPECT_TRUE(finder().running().items.at(0).layers.empty());
}

TEST_F(FinderTest, ACopiedRootfsHasItsImageBelow) {
  const std::string parent(64, '2');
  host_.file(kStore + "/vfs-containers/containers.json",
             fixture("podman-containers.json"));
  host_.file(kStore + "/vfs-layers/layers.json",
             R"([{"id":")" + kLayer + R"(","parent":")" + parent + R"("}])");
  const auto image = host_.directory(kStore + "/vfs/dir/" + parent);
  const auto rootfs = host_.directory(kStore + "/vfs/dir/" + kLayer);
  contained(101, kPath,
            {.root = kStore + "/vfs/dir/" + kLayer,
             .inner_pid = "1",
             .mountinfo = "77 50 8:1 /x / rw - ext4 /dev/sda rw\n"});
  const auto record = finder().running().items.at(0);
  EXPECT_EQ(record.layers.upper, rootfs);
  EXPECT_THAT(record.layers.lower, ElementsAre(image));
  EXPECT_TRUE(record.layers.plain);
  // With another root than the one that its files name.
  contained(101, kPath,
            {.root = "/elsewhere",
             .inner_pid = "1",
             .mountinfo = "77 50 8:1 /x / rw - ext4 /dev/sda rw\n"});
  EXPECT_TRUE(finder().running().items.at(0).layers.empty());
}

TEST_F(FinderTest, AContainerCannotPoseAsAnother) {
  podman_store();
  const std::string other(64, 'e');
  const std::string outer = "/docker/" + other;
  const std::string text = overlay(kStore + "/overlay/" + kLayer + "/diff");
  contained(100, outer, {.inner_pid = "1"});
  // In its own mount namespace still: it is the outer one.
  contained(101, outer + "/libpod-" + kA, {.inner_pid = "2"});
  ASSERT_THAT(finder().running().items, SizeIs(1));
  // In a new one, which names another's upper directory: nobody's word for it.
  contained(
      101, outer + "/libpod-" + kA,
      {.root = "/nested", .ns = "[3]", .inner_pid = "1", .mountinfo = text});
  const auto records = finder().running().items;
  ASSERT_THAT(records, SizeIs(2));
  EXPECT_EQ(records[1].info.id, kA);
  EXPECT_EQ(records[1].info.name, kA);
  EXPECT_TRUE(records[1].layers.empty());
  EXPECT_FALSE(records[1].root);
  EXPECT_THAT(finder().stopped().items, SizeIs(1));
}

// The paths in its mount are the outer one's; those of the host are others.
TEST_F(FinderTest, AContainersContainerIsFoundWhereTheOuterOneHasIt) {
  host_.file("/proc/1/mountinfo", "20 1 8:1 / / rw - ext4 /dev/sda rw\n");
  const std::string outer = "/docker/" + kA;
  contained(100, outer,
            {.inner_pid = "1",
             .mountinfo = "77 50 0:40 / / rw - overlay overlay rw\n"
                          "78 77 8:1 /srv/vol /vol rw - ext4 /dev/sda rw\n"});
  const std::string upper = host_.directory("/srv/vol/up");
  host_.directory("/srv/vol/base");
  host_.directory("/vol/up");
  host_.directory("/vol/base");
  const std::string text =
      "90 80 0:41 / / rw - overlay overlay rw,lowerdir=/vol/base,"
      "upperdir=/vol/up,workdir=/vol/work\n";
  // In a cgroup below the outer one's, and in one elsewhere.
  for (const std::string& cgroup : {outer + "/inner", std::string("/inner")}) {
    // Its root shows the upper directory's inode: the only proof there is.
    contained(101, cgroup,
              {.ppid = 100,
               .root = "/srv/vol/up",
               .ns = "[3]",
               .inner_pid = "1",
               .mountinfo = text});
    const auto records = finder().running().items;
    const auto inner = std::find_if(
        records.begin(), records.end(),
        [](const ContainerRecord& one) { return one.init_pid == 101; });
    ASSERT_NE(inner, records.end()) << cgroup;
    EXPECT_EQ(inner->layers.upper, upper) << cgroup;
    EXPECT_EQ(inner->info.outer, kA) << cgroup;
    contained(101, cgroup,
              {.ppid = 100,
               .root = "/other",
               .ns = "[3]",
               .inner_pid = "1",
               .mountinfo = text});
    for (const auto& record : finder().running().items) {
      EXPECT_TRUE(record.layers.empty()) << cgroup;
    }
    host_.remove(kCgroups + cgroup);
  }
  // The same filesystem is no container's own, whatever part of it is seen.
  contained(101, outer + "/inner",
            {.ppid = 100,
             .root = "/srv/vol/up",
             .ns = "[3]",
             .inner_pid = "1",
             .mountinfo = "90 80 0:40 /data / rw - overlay overlay rw\n"});
  EXPECT_THAT(finder().running().items, SizeIs(1));
}

// Anybody who may make cgroups can name one after a container.
TEST_F(FinderTest, ACgroupIsNotAContainersThatIsElsewhere) {
  podman_store();
  host_.directory("/l/up");
  host_.file("/run/runc/" + kA + "/state.json",
             R"({"id":")" + kA + R"(","cgroup_paths":{"":")" + kCgroups +
                 kPath + R"("}})");
  contained(101, kPath,
            {.inner_pid = "1",
             .mountinfo = overlay(kStore + "/overlay/" + kLayer + "/diff")});
  const std::string posing = "/a/libpod-" + kA;
  contained(102, posing,
            {.root = "/posing",
             .ns = "[3]",
             .inner_pid = "1",
             .mountinfo = overlay("/l/up")});
  const auto records = finder().running().items;
  ASSERT_THAT(records, SizeIs(2));
  EXPECT_EQ(records[0].info.name, "shop-web");
  EXPECT_EQ(records[0].standing, Standing::confirmed);
  EXPECT_EQ(records[1].info.runtime, "unknown");
  EXPECT_NE(records[1].info.id, kA);
}

TEST_F(FinderTest, AnIdIsConfirmedByTheRootfsThatFilesNameForIt) {
  podman_store();
  host_.directory("/l/up");
  struct Case {
    std::string mountinfo;
    Standing standing;
  };
  for (const Case& one : {
           Case{overlay(kStore + "/overlay/" + kLayer + "/diff"),
                Standing::confirmed},
           Case{overlay("/l/up"), Standing::doubtful},
           Case{overlay("/l/gone"), Standing::unproven},
           Case{"77 50 8:1 / / rw - ext4 /dev/sda rw\n", Standing::doubtful},
           Case{"77 50 8:1 / /srv rw - ext4 /dev/sda rw\n", Standing::doubtful},
           Case{"77 50 0:9 / / rw - fuse.fuse-overlayfs fuse-overlayfs rw\n",
                Standing::unproven},
       }) {
    procs_.clear();
    contained(101, kPath, {.inner_pid = "1", .mountinfo = one.mountinfo});
    const auto records = finder().running().items;
    ASSERT_THAT(records, SizeIs(1));
    EXPECT_EQ(records[0].standing, one.standing) << one.mountinfo;
  }
}

TEST_F(FinderTest, ANestedCgroupIsBelievedWhereTheHostsRuntimeMadeIt) {
  const auto upper = podman_store();
  const std::string path = "/docker/" + std::string(64, 'e') + "/libpod-" + kA;
  host_.file("/run/runc/" + kA + "/state.json",
             R"({"id":")" + kA + R"(","cgroup_paths":{"":")" + kCgroups + path +
                 R"("}})");
  contained(101, path,
            {.inner_pid = "1",
             .mountinfo = overlay(kStore + "/overlay/" + kLayer + "/diff")});
  const auto records = finder().running().items;
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].info.name, "shop-web");
  EXPECT_EQ(records[0].layers.upper, upper);
  EXPECT_EQ(finder().exists(records[0]).value(), true);
}

TEST_F(FinderTest, ResolvesWhatBeganToLive) {
  podman_store();
  contained(101, kPath,
            {.inner_pid = "1",
             .mountinfo = overlay(kStore + "/overlay/" + kLayer + "/diff")});
  const auto record = finder().running().items.at(0);
  auto live = seen(101, record);
  live.process.start_ns += 9'000'000;
  auto found = finder().resolve(live).value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->info.id, kA);
  EXPECT_EQ(found->init_pid, 101u);
  EXPECT_EQ(found->layers.upper, record.layers.upper);
  // The pid is another's by now.
  live.process.start_ns += 50'000'000;
  found = finder().resolve(live).value();
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->running());
  EXPECT_EQ(found->info.name, "shop-web");
  EXPECT_EQ(found->layers.upper, record.layers.upper);
}

TEST_F(FinderTest, ResolvesByNameWhatIsGone) {
  const auto upper = podman_store();
  ContainerRecord gone;
  gone.cgroup = 1u << 30;
  gone.root = *upper_root_of(upper);
  const auto found = finder().resolve(seen(4242, gone)).value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->info.name, "shop-web");
  EXPECT_EQ(found->cgroup, 1u << 30);
  EXPECT_EQ(found->layers.upper, upper);
}

TEST_F(FinderTest, NeverTakesAnothersUpper) {
  podman_store();
  ContainerRecord gone;
  gone.root = *upper_root_of(host_.directory("/elsewhere"));
  gone.cgroup = 1u << 30;
  const auto found = finder().resolve(seen(4242, gone)).value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->root, gone.root);
  EXPECT_TRUE(found->layers.empty());
  EXPECT_THAT(found->trouble, testing::Contains(HasSubstr("no known place")));
}

TEST_F(FinderTest, ResolvesNoServicesHelpersOrBuilds) {
  for (const char* name : {"ssh.service", "conmon", "buildah-buildah1", ""}) {
    LiveObservation live;
    live.process.pid = 4242;
    live.process.cgroup = 1u << 30;
    live.cgroup_name = name;
    live.cgroup_parent = "libpod_parent";
    EXPECT_FALSE(finder().resolve(live)) << name;
  }
}

TEST_F(FinderTest, StoppedContainersAreThoseWithAnUpperAndNoInit) {
  const auto upper = podman_store();
  auto records = finder().stopped().items;
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].info.id, kA);
  EXPECT_FALSE(records[0].running());
  EXPECT_EQ(records[0].layers.upper, upper);
  EXPECT_EQ(finder().exists(records[0]).value(), true);
  EXPECT_EQ(finder().refresh(records[0])->name, "shop-web");
  const auto removed = finder();
  EXPECT_EQ(removed.exists(records[0]).value(), true);
  host_.file(kStore + "/overlay-containers/containers.json", "[]");
  EXPECT_EQ(removed.exists(records[0]).value(), false);
  EXPECT_FALSE(removed.refresh(records[0]));
}

TEST_F(FinderTest, ACgroupsNameHidesNoneOfThem) {
  podman_store();
  contained(101, kPath, {.root = "/hostroot", .ns = "[1]"});
  EXPECT_THAT(finder().stopped().items, SizeIs(1));
  contained(102, kPath,
            {.root = "/posing",
             .ns = "[3]",
             .inner_pid = "1",
             .mountinfo = "77 50 8:1 /x / rw - ext4 /dev/sda rw\n"});
  EXPECT_THAT(finder().stopped().items, SizeIs(1));
}

TEST_F(FinderTest, MembersTellInitsTreeFromWhatWasExeced) {
  podman_store();
  contained(101, kPath, {.ppid = 90, .inner_pid = "1"});
  contained(102, kPath, {.ppid = 101, .inner_pid = "2"});
  contained(103, kPath + "/sub", {.ppid = 91, .inner_pid = "3"});
  contained(104, kPath, {.ppid = 103, .inner_pid = "4"});
  const auto record = finder().running().items.at(0);
  const auto members = finder().members(record).value();
  ASSERT_THAT(members, SizeIs(4));
  EXPECT_TRUE(members[0].from_init);
  EXPECT_TRUE(members[1].from_init);
  EXPECT_EQ(members[2].session_leader, 103u);
  EXPECT_EQ(members[2].cgroup, cgroup_id(kPath + "/sub"));
  EXPECT_EQ(members[3].session_leader, 103u);
  EXPECT_EQ(members[3].first_cmd, "run it");
  auto stale = record;
  stale.cgroup += 1;
  stale.init_start_ns += 1'000'000'000;
  EXPECT_THAT(finder().members(stale).value(), IsEmpty());
  EXPECT_THAT(finder().cgroups(stale).value(), IsEmpty());
}

struct Options {
  std::string mounted;  // the mount's options
  std::string module;   // the kernel's default
  bool userxattr;
  bool redirects;
  std::string work;
};

// Of the mount of its own upper directory: a container that may mount chooses
// what its root's options say.
TEST_F(FinderTest, KnowsHowTheOverlayIsMounted) {
  const std::string store = kStore + "/overlay/";
  const std::string own = store + kLayer + "/diff,workdir=" + store + kLayer;
  const std::string other = "/l/up/diff,workdir=/l/up";
  const Options cases[] = {
      {own + "/work", "N", false, false, "/work"},
      {own + "/work,userxattr", "N", true, false, "/work"},
      {own + "/work,redirect_dir=on,metacopy=on", "N", false, true, "/work"},
      {own + "/work", "Y", false, true, "/work"},
      {own + "/work,redirect_dir=off", "Y", false, false, "/work"},
      {other + "/work,userxattr,redirect_dir=on", "N", false, false, ""},
  };
  const std::string upper = podman_store();
  for (const Options& one : cases) {
    SCOPED_TRACE(one.mounted);
    host_.file("/sys/module/overlay/parameters/redirect_dir",
               one.module + "\n");
    contained(100, kPath,
              {.inner_pid = "1", .mountinfo = overlay(one.mounted, "")});
    const auto records = finder().running().items;
    ASSERT_THAT(records, SizeIs(1));
    const OverlayLayers& layers = records[0].layers;
    EXPECT_EQ(layers.upper, upper);
    EXPECT_EQ(layers.userxattr, one.userxattr);
    EXPECT_EQ(layers.redirects, one.redirects);
    EXPECT_EQ(layers.work, one.work.empty()
                               ? ""
                               : host_.prefix() + store + kLayer + one.work);
    procs_.clear();
  }
}

}  // namespace
}  // namespace stillframe::containers
