// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/cgroup_path.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace stillframe::containers {
namespace {

const std::string kA(64, 'a');
const std::string kB(64, '7');
const std::string kUid = "01234567-89ab-cdef-0123-456789abcdef";
const std::string kSliceUid = "01234567_89ab_cdef_0123_456789abcdef";
const std::string kStatic = "0123456789abcdef0123456789abcdef";

struct Case {
  std::string path;
  std::string runtime;
  std::string id;
  std::string own;  // the container's cgroup; empty: the whole path
  std::string pod = "";
  std::string system = "";
};

std::vector<Case> known_paths() {
  const std::string kubepods = "/kubepods.slice/kubepods-burstable.slice";
  return {
      {"/docker/" + kA, "docker", kA, ""},
      {"/docker/" + kA + "/init.scope", "docker", kA, "/docker/" + kA},
      {"/system.slice/docker-" + kA + ".scope", "docker", kA, ""},
      {"/system.slice/docker-" + kA + ".scope/init.scope", "docker", kA,
       "/system.slice/docker-" + kA + ".scope"},
      {"/actions_job/" + kA, "docker", kA, ""},
      {"/custom/parent/" + kA, "", kA, ""},
      {"/kubepods/burstable/pod" + kUid + "/" + kA, "", kA, "", kUid},
      {"/kubepods/besteffort/pod" + kUid + "/crio-" + kA, "cri-o", kA, "",
       kUid},
      {"/kubepods/pod" + kStatic + "/" + kA, "", kA, "", kStatic},
      {kubepods + "/kubepods-burstable-pod" + kSliceUid +
           ".slice/cri-containerd-" + kA + ".scope",
       "containerd", kA, "", kUid},
      {"/kubepods.slice/kubepods-pod" + kStatic + ".slice/crio-" + kA +
           ".scope",
       "cri-o", kA, "", kStatic},
      {"/kubelet/kubepods/pod" + kUid + "/" + kA, "", kA, "", kUid},
      {"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort-pod" +
           kSliceUid + ".slice/cri-containerd-" + kA + ".scope",
       "containerd", kA, "", kUid},
      {"/system.slice/docker-" + kB + ".scope/kubelet/kubepods/pod" + kUid +
           "/" + kA,
       "", kA, "", kUid},
      {"/podruntime.slice/containerd.service/kubepods-burstable-pod" +
           kSliceUid + ".slice:cri-containerd:" + kA,
       "containerd", kA, "", kUid},
      {"/machine.slice/libpod-" + kA + ".scope", "podman", kA, ""},
      {"/machine.slice/libpod-" + kA + ".scope/container", "podman", kA,
       "/machine.slice/libpod-" + kA + ".scope"},
      {"/libpod_parent/libpod-" + kA, "podman", kA, ""},
      {"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + kA +
           ".scope/container",
       "podman", kA,
       "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + kA +
           ".scope"},
      {"/system.slice/web.service/libpod-payload-" + kA, "podman", kA, ""},
      {"/lxc/web", "lxc", "web", "", "", "web"},
      {"/lxc.payload/web", "lxc", "web", "", "", "web"},
      {"/lxc.payload.web/system.slice/ssh.service", "lxc", "web",
       "/lxc.payload.web", "", "web"},
      {"/lxc.payload.project_web", "lxc", "project_web", "", "", "project_web"},
      {"/machine.slice/machine-lxc\\x2d4711\\x2dmy\\x2dguest.scope/libvirt",
       "libvirt-lxc", "my-guest",
       "/machine.slice/machine-lxc\\x2d4711\\x2dmy\\x2dguest.scope", "",
       "my-guest"},
      {"/machine/guest.libvirt-lxc", "libvirt-lxc", "guest", "", "", "guest"},
      {"/machine.slice/systemd-nspawn@deb.service/payload/init.scope", "nspawn",
       "deb", "/machine.slice/systemd-nspawn@deb.service/payload", "", "deb"},
      {"/machine.slice/machine-deb.scope/payload", "nspawn", "deb", "", "",
       "deb"},
      {"/ecs/" + kStatic + "/" + kStatic + "-42", "ecs", kStatic + "-42", ""},
      {"/ecs/cluster/" + kStatic + "/" + kA, "", kA, ""},
      {"/ecstasks.slice/ecstasks-" + kStatic + ".slice/docker-" + kA + ".scope",
       "docker", kA, ""},
      {"/garden/01234567-89ab-cdef-0123-4567", "garden",
       "01234567-89ab-cdef-0123-4567", ""},
      {"/system.slice/bpm-nats.scope", "bpm", "nats", ""},
  };
}

TEST(CgroupPath, NamesTheContainerOfEveryKnownForm) {
  for (const auto& expected : known_paths()) {
    SCOPED_TRACE(expected.path);
    const auto name = parse_cgroup_path(expected.path);
    ASSERT_TRUE(name);
    EXPECT_EQ(name->runtime, expected.runtime);
    EXPECT_EQ(name->id, expected.id);
    EXPECT_EQ(name->path, expected.own.empty() ? expected.path : expected.own);
    EXPECT_EQ(name->pod_uid, expected.pod);
    EXPECT_EQ(name->system_name, expected.system);
    EXPECT_FALSE(name->helper);
    EXPECT_TRUE(name->certain);
  }
}

TEST(CgroupPath, MarksHelpers) {
  for (const std::string& path :
       {"/machine.slice/libpod-conmon-" + kA + ".scope",
        std::string("/libpod_parent/conmon"),
        "/kubepods/pod" + kUid + "/crio-conmon-" + kA,
        "/system.slice/crio-conmon-" + kA + ".scope",
        std::string("/lxc.monitor.web"), std::string("/lxc.monitor/web"),
        std::string("/machine.slice/systemd-nspawn@deb.service/supervisor")}) {
    SCOPED_TRACE(path);
    const auto name = parse_cgroup_path(path);
    ASSERT_TRUE(name);
    EXPECT_TRUE(name->helper);
  }
}

TEST(CgroupPath, FindsTheContainerAroundAContainer) {
  const auto name = parse_cgroup_path(
      "/docker/" + kB + "/kubelet/kubepods/pod" + kUid + "/" + kA + "/sub");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->id, kA);
  EXPECT_EQ(name->outer, "/docker/" + kB);
}

TEST(CgroupPath, HoldsContainerdsFreeFormToBeUncertain) {
  const auto name = parse_cgroup_path("/default/web-1/sub");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->runtime, "containerd");
  EXPECT_EQ(name->id, "web-1");
  EXPECT_EQ(name->path, "/default/web-1");
  EXPECT_FALSE(name->certain);
}

TEST(CgroupPath, FindsNoContainerInHostileOrOtherPaths) {
  const std::string upper_case(64, 'A');
  for (const std::string& path :
       {std::string(),
        std::string("/"),
        std::string("//"),
        std::string("docker/" + kA),
        "/../docker/" + kA,
        "/docker/../" + kA,
        "/docker//" + kA,
        "/docker/./" + kA,
        std::string("/user.slice/user-0.slice"),
        std::string("/system.slice/ssh.service"),
        std::string("/system.slice/docker.service"),
        "/x.slice/docker-" + kA.substr(1) + ".scope",
        "/x.slice/docker-" + kA + "a.scope",
        "/x.slice/docker-" + upper_case + ".scope",
        "/x.slice/" + kA.substr(1) + "g",
        "/x.slice/docker-" + kA.substr(1) + "\n.scope",
        std::string("/lxc.payload.\x1b[31m"),
        std::string("/lxc.payload.\xff\xfe"),
        std::string("/lxc.payload.a\nb"),
        std::string("/lxc.payload."),
        "/lxc.payload." + std::string(300, 'x'),
        std::string("/x.slice/machine-qemu\\x2d1\\x2dvm.scope"),
        std::string("/x.slice/machine-\\x.scope/other"),
        "/x.slice/" + kStatic + "-42",
        "/x.slice/" + std::string(1 << 20, 'a'),
        [] {
          std::string deep;
          while (deep.size() < (1u << 20)) deep += "/aa";
          return deep;
        }()}) {
    SCOPED_TRACE(path.substr(0, 100));
    EXPECT_FALSE(parse_cgroup_path(path));
  }
}

TEST(CgroupPath, TakesNoPodUidOfWrongShape) {
  for (const char* pod : {"pod", "pod-x", "podzz", "pod../..", "pod\n"}) {
    const auto name =
        parse_cgroup_path(std::string("/kubepods/") + pod + "/" + kA);
    EXPECT_TRUE(!name || name->pod_uid.empty()) << pod;
  }
}

TEST(CgroupPath, KnowsImageBuilds) {
  EXPECT_TRUE(is_image_build("/docker/buildkit/abc"));
  EXPECT_TRUE(is_image_build("/system.slice:buildkit:abc"));
  EXPECT_TRUE(is_image_build("/buildah-buildah123"));
  EXPECT_FALSE(is_image_build("/docker/" + kA));
}

struct SameCase {
  const char* name;
  const char* container;
  const char* observed;
  const char* other;
  const char* expected;  // empty: none
};

class SameCgroup : public testing::TestWithParam<SameCase> {};

TEST_P(SameCgroup, IsWhereInitIsInTheOtherHierarchy) {
  const auto& c = GetParam();
  EXPECT_EQ(same_cgroup(c.container, c.observed, c.other).value_or(""),
            c.expected);
}

INSTANTIATE_TEST_SUITE_P(
    All, SameCgroup,
    testing::Values(SameCase{"same", "/docker/abc", "/docker/abc",
                             "/docker/abc", "/docker/abc"},
                    SameCase{"below_another", "/pods/abc", "/pods/abc",
                             "/vm/1/pods/abc", "/vm/1/pods/abc"},
                    SameCase{"init_below", "/pods/abc", "/pods/abc/init",
                             "/pods/abc/init", "/pods/abc"},
                    SameCase{"init_below_in_one_only", "/pods/abc",
                             "/pods/abc/init", "/pods/abc", "/pods/abc"},
                    SameCase{"of_the_host", "/pods/abc", "/pods/abc",
                             "/system.slice", ""},
                    SameCase{"root", "/pods/abc", "/pods/abc", "/", ""},
                    SameCase{"not_in_it", "/pods/abc", "/pods/abc", "", ""},
                    SameCase{"out_of_our_namespace", "/pods/abc", "/pods/abc",
                             "/../pods/abc", ""},
                    SameCase{"the_root_is_no_container", "/", "/", "/", ""}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(CgroupPath, FindsWhoseRootlessItIs) {
  EXPECT_EQ(user_of_cgroup("/user.slice/user-1000.slice/x"), 1000u);
  EXPECT_EQ(user_of_cgroup("/user.slice/user-99999999999.slice/x"),
            std::nullopt);
  EXPECT_EQ(user_of_cgroup("/system.slice"), std::nullopt);
}

}  // namespace
}  // namespace stillframe::containers
