// SPDX-License-Identifier: Apache-2.0
//
// An error is not an absence: what could not be read is never taken for gone.
#include <gmock/gmock.h>

#include <functional>

#include "agent/containers/bundle_search.h"
#include "agent/containers/runc_resolver.h"
#include "finder_fixture.h"
#include "no_descriptors.h"

namespace stillframe::containers {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const std::string kList = kStore + "/overlay-containers/containers.json";

class UnreadTest : public FinderTest {
 protected:
  UnreadTest() {
    upper_ = podman_store();
    contained(101, kPath, {.inner_pid = "1", .mountinfo = mountinfo()});
  }

  std::string mountinfo() const {
    return overlay(kStore + "/overlay/" + kLayer + "/diff");
  }

  ContainerRecord record() const { return finder().running().items.at(0); }

  std::string upper_;
};

template <typename T>
int code_of(const Result<T>& result) {
  return result ? 0 : result.error().code;
}

template <typename T>
int code_of(const Listing<T>& listing) {
  return listing.complete() ? 0 : listing.errors.front().code;
}

struct Call {
  const char* name;
  std::function<int(const Finder&, const ContainerRecord&,
                    const LiveObservation&)>
      code;
};

const std::vector<Call> kCalls = {
    {"running",
     [](auto& finder, auto&, auto&) { return code_of(finder.running()); }},
    {"stopped",
     [](auto& finder, auto&, auto&) { return code_of(finder.stopped()); }},
    {"resolve", [](auto& finder, auto&,
                   auto& live) { return code_of(finder.resolve(live)); }},
    {"refresh", [](auto& finder, auto& record,
                   auto&) { return code_of(finder.refresh(record)); }},
    {"look_again", [](auto& finder, auto& record,
                      auto&) { return code_of(finder.look_again(record)); }},
    {"exists", [](auto& finder, auto& record,
                  auto&) { return code_of(finder.exists(record)); }},
    {"members", [](auto& finder, auto& record,
                   auto&) { return code_of(finder.members(record)); }},
    {"cgroups", [](auto& finder, auto& record,
                   auto&) { return code_of(finder.cgroups(record)); }},
    {"mounts", [](auto& finder, auto& record,
                  auto&) { return code_of(finder.mounts(record)); }},
    {"limit_directories",
     [](auto& finder, auto& record, auto&) {
       return code_of(finder.limit_directories(record));
     }},
};

TEST_F(UnreadTest, WithoutDescriptorsNoCallTakesItForGone) {
  const auto known = record();
  const auto live = seen(101, known);
  for (const auto& call : kCalls) {
    SCOPED_TRACE(call.name);
    const Finder fresh(layout_, host_.prefix());
    {
      const NoDescriptors none;
      EXPECT_EQ(call.code(fresh, known, live), EMFILE);
    }
    EXPECT_EQ(call.code(fresh, known, live), 0);
  }
}

TEST_F(UnreadTest, WhatWasReadBeforeStaysKnown) {
  const auto known = record();
  const Finder warm(layout_, host_.prefix());
  ASSERT_TRUE(warm.exists(known).value());
  const NoDescriptors none;
  EXPECT_EQ(warm.exists(known).value(), true);
}

struct ListCase {
  const char* name;
  std::function<void(const TempHost&)> make;
  int code;  // of exists(); 0: it answers that the container is gone
};

TEST_F(UnreadTest, OnlyAListThatWasReadSaysThatAContainerIsGone) {
  const std::vector<ListCase> cases = {
      {"empty", [](auto& host) { host.file(kList, "[]"); }, 0},
      {"removed", [](auto& host) { host.remove(kList); }, 0},
      {"a file above it",
       [](auto& host) {
         host.remove(kStore);
         host.file(kStore, "");
       },
       0},
      {"torn", [](auto& host) { host.file(kList, "[{"); }, EBADMSG},
      {"not a list", [](auto& host) { host.file(kList, "{}"); }, EBADMSG},
      {"a directory",
       [](auto& host) {
         host.remove(kList);
         host.directory(kList);
       },
       EINVAL},
      {"a loop", [](auto& host) { host.unreadable(kList); }, ELOOP},
      {"storage.conf",
       [](auto& host) { host.unreadable("/etc/containers/storage.conf"); },
       ELOOP},
      {"daemon.json of another runtime",
       [](auto& host) {
         host.file(kList, "[]");
         host.unreadable("/etc/docker/daemon.json");
       },
       0}};
  const auto known = record();
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    host_.remove("/etc");
    host_.remove(kStore);
    podman_store();
    c.make(host_);
    const auto there = finder().exists(known);
    EXPECT_EQ(code_of(there), c.code);
    EXPECT_FALSE(there.value_or(false));
  }
}

TEST_F(UnreadTest, AContainerWithUnreadMetadataIsListedAndSaysWhy) {
  host_.unreadable(kList);
  const auto found = finder().running();
  ASSERT_THAT(found.items, SizeIs(1));
  EXPECT_EQ(found.items[0].info.id, kA);
  EXPECT_EQ(found.items[0].info.runtime, "podman");
  EXPECT_EQ(found.items[0].layers.upper, upper_);  // by the mount's options
  EXPECT_THAT(found.items[0].trouble, Contains(HasSubstr("metadata: ")));
}

TEST_F(UnreadTest, HalfOfTheMetadataRenamesNothing) {
  const auto known = record();
  const std::string userdata =
      kStore + "/overlay-containers/" + kA + "/userdata/config.json";
  host_.unreadable(userdata);
  EXPECT_EQ(code_of(finder().refresh(known)), ELOOP);
  EXPECT_EQ(finder().exists(known).value(), true);
  host_.remove(userdata);
  EXPECT_EQ(finder().refresh(known)->name, known.info.name);
}

struct RootfsCase {
  const char* name;
  std::vector<std::string> unreadable;
  bool unread;
};

TEST_F(UnreadTest, ARootfsThatCouldNotBeReadIsToBeLookedForAgain) {
  const std::string layer = kStore + "/overlay/" + kLayer;
  const std::string own = "/proc/101/mountinfo";
  const std::vector<RootfsCase> cases = {
      {"nothing", {}, false},
      {"its upper directory", {layer + "/diff"}, true},
      {"its mounts, where the runtime knows", {own}, false},
      {"its mounts, where nobody knows", {own, layer + "/lower"}, true},
      {"the runtime's list, where its mounts show it", {kList}, false},
      {"the runtime's list and its mounts", {kList, own}, true}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    host_.remove(kStore);
    podman_store();
    contained(101, kPath, {.inner_pid = "1", .mountinfo = mountinfo()});
    for (const auto& path : c.unreadable) host_.unreadable(path);
    const auto found = record();
    EXPECT_EQ(found.layers.empty(), c.unread);
    EXPECT_EQ(found.trouble.empty(), c.unreadable.empty());
    for (const auto& path : c.unreadable) host_.remove(path);
    podman_store();
    host_.file(own, mountinfo());
    const auto again = finder().look_again(found);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->layers.upper, upper_);
  }
}

TEST_F(UnreadTest, ARootfsThatIsNowhereWasRead) {
  host_.remove(kStore);
  const auto found = record();
  EXPECT_TRUE(found.layers.empty());
}

TEST_F(UnreadTest, APlainRootfsIsNotBelievedWithoutItsProof) {
  const std::string vfs = kStore + "/vfs/dir/" + kLayer;
  host_.remove(kStore + "/overlay-containers");
  host_.file(kStore + "/vfs-containers/containers.json",
             fixture("podman-containers.json"));
  host_.file(kStore + "/vfs-layers/layers.json", "[]");
  host_.directory(vfs);
  contained(101, kPath,
            {.root = vfs,
             .inner_pid = "1",
             .mountinfo = "77 50 8:1 /x / rw - ext4 /dev/sda rw\n"});
  const Finder fresh(layout_, host_.prefix());
  const auto known = fresh.running().items.at(0);
  ASSERT_EQ(known.layers.upper, host_.prefix() + vfs);
  host_.unreadable("/proc/101/root");
  EXPECT_EQ(code_of(fresh.running()), ELOOP);
  EXPECT_EQ(code_of(fresh.look_again(known)), ELOOP);
}

TEST(BundleSearch, FailsWhereThereMayBeABundle) {
  const TempHost host;
  const auto root =
      parse_mountinfo("77 50 8:1 /b/rootfs / rw - ext4 /dev/sda rw\n").at(0);
  const auto hosts = parse_mountinfo("20 1 8:1 / / rw - ext4 /dev/sda rw\n");
  const auto found = [&] { return find_bundle(root, hosts, host.prefix()); };
  host.directory("/b/rootfs");
  EXPECT_TRUE(found());
  EXPECT_FALSE(*found());
  host.file("/b/config.json", "{}");  // somebody else's
  EXPECT_FALSE(*found());
  host.file("/b/config.json", R"({"root":{"path":"rootfs"}})");
  EXPECT_TRUE(*found());
  host.unreadable("/b/config.json");
  EXPECT_EQ(code_of(found()), ELOOP);
}

TEST_F(UnreadTest, AContainerIsLeftOutWhileItsInitIsUnsure) {
  contained(102, kPath, {.inner_pid = "2", .mountinfo = mountinfo()});
  host_.unreadable("/proc/102/status");
  auto found = finder().running();
  EXPECT_THAT(found.errors, SizeIs(1));
  ASSERT_THAT(found.items, SizeIs(1));  // 101 is init for certain
  EXPECT_EQ(found.items[0].init_pid, 101u);
  host_.unreadable("/proc/101/status");
  host_.remove("/proc/102/status");
  host_.process({.pid = 102,
                 .cgroup = kPath,
                 .inner_pid = "2",
                 .mountinfo = mountinfo()});
  found = finder().running();
  EXPECT_THAT(found.errors, SizeIs(1));
  EXPECT_THAT(found.items, IsEmpty());
  // And does not pass for stopped.
  EXPECT_THAT(finder().stopped().items, IsEmpty());
}

TEST_F(UnreadTest, MembersAreAllOrAnError) {
  const auto known = record();
  contained(102, kPath, {.ppid = 101});
  host_.unreadable("/proc/102/stat");
  EXPECT_EQ(code_of(finder().members(known)), ELOOP);
  host_.remove("/proc/102");  // has just ended
  EXPECT_THAT(finder().members(known).value(), SizeIs(1));
}

TEST_F(UnreadTest, TheErrorOfAServiceIsAnAnswer) {
  LiveObservation live;
  live.process.pid = 4242;
  live.process.cgroup = 1u << 30;
  live.cgroup_name = "ssh.service";
  live.cgroup_parent = "system.slice";
  EXPECT_EQ(code_of(finder().resolve(live)), ENOENT);
  // runc may know it by a state that cannot be read.
  host_.unreadable("/run/runc/web-1/state.json");
  EXPECT_EQ(code_of(finder().resolve(live)), ELOOP);
}

TEST(UnreadState, IsReadAgain) {
  const TempHost host;
  CgroupLayout layout;
  layout.unified = layout.observed_mount = "/sys/fs/cgroup";
  const std::string state = "/run/runc/web-1/state.json";
  host.file(state, fixture("runc-state.json"));
  RuncResolver runc(layout, host.prefix());
  {
    const NoDescriptors none;
    EXPECT_EQ(code_of(runc.find({"web-1", ""})), EMFILE);
    EXPECT_FALSE(runc.cgroups().errors.empty());
  }
  EXPECT_EQ(runc.cgroups().ids.at("/web-1"), "web-1");
  EXPECT_TRUE(runc.find({"web-1", ""}).value());
  const NoDescriptors none;
  EXPECT_EQ(runc.cgroups().ids.at("/web-1"), "web-1");
}

TEST(UnreadState, WhatAUserBreaksConcernsNobodyElse) {
  const TempHost host;
  CgroupLayout layout;
  layout.unified = layout.observed_mount = "/sys/fs/cgroup";
  host.unreadable("/run/user/1000/runc/web-1/state.json");
  RuncResolver runc(layout, host.prefix());
  EXPECT_THAT(runc.cgroups().errors, IsEmpty());
  EXPECT_FALSE(runc.find({"web-1", "/system.slice/web-1"}).value());
  EXPECT_EQ(code_of(runc.find({"web-1", "/user.slice/user-1000.slice/web-1"})),
            ELOOP);
}

}  // namespace
}  // namespace stillframe::containers
