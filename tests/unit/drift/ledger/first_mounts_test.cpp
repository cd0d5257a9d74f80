// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/first_mounts.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace stillframe::drift {
namespace {

MountEntry mount(std::string target, std::string type = "tmpfs",
                 std::string root = "/") {
  MountEntry out;
  out.target = std::move(target);
  out.type = std::move(type);
  out.root = std::move(root);
  return out;
}

struct Case {
  std::string name;
  std::vector<AskedMount> asked;
  std::vector<MountEntry> found;
  std::vector<std::string> own;  // their places
};

class OfRuntime : public ::testing::TestWithParam<Case> {};

TEST_P(OfRuntime, IsWhatItWasAskedFor) {
  const auto& c = GetParam();
  auto found = c.found;
  found.insert(found.begin(), mount("/", "overlay"));
  std::vector<std::string> own;
  for (const auto& one : of_runtime(found, c.asked)) own.push_back(one.target);
  auto expected = c.own;
  expected.insert(expected.begin(), "/");
  EXPECT_EQ(own, expected);
}

const std::string kSecrets = "/var/lib/kubelet/pods/1/volumes/token";

INSTANTIATE_TEST_SUITE_P(
    All, OfRuntime,
    ::testing::Values(
        Case{"nothing", {}, {}, {}},
        Case{"asked",
             {{"/proc", "proc", ""}, {"/data", "bind", "/srv/data"}},
             {mount("/proc", "proc"), mount("/data", "ext4", "/srv/data")},
             {"/proc", "/data"}},
        Case{"another",
             {{"/proc", "proc", ""}},
             {mount("/proc", "proc"), mount("/etc/motd", "ext4", "/x")},
             {"/proc"}},
        Case{"another_on_top",
             {{"/etc/hosts", "bind", "/run/hosts"}},
             {mount("/etc/hosts", "ext4", "/hosts"),
              mount("/etc/hosts", "ext4", "/evil")},
             {"/etc/hosts"}},
        Case{"another_root_on_top", {}, {mount("/", "tmpfs")}, {}},
        Case{"asked_twice",
             {{"/proc", "proc", ""}, {"/proc", "", ""}},
             {mount("/proc", "proc"), mount("/proc")},
             {"/proc", "/proc"}},
        Case{"below_the_source_of_a_bind",
             {{"/host", "rbind", "/"}},
             {mount("/host", "ext4"), mount("/host/boot"), mount("/hostile")},
             {"/host", "/host/boot"}},
        Case{"below_a_bind_of_one_mount",
             {{"/host", "bind", "/"}},
             {mount("/host", "ext4"), mount("/host/boot")},
             {"/host"}},
        Case{"hierarchies_of_cgroups",
             {{"/sys/fs/cgroup", "cgroup", "cgroup"}},
             {mount("/sys/fs/cgroup"), mount("/sys/fs/cgroup/cpu", "cgroup"),
              mount("/sys/fs/cgroup/x", "tmpfs")},
             {"/sys/fs/cgroup", "/sys/fs/cgroup/cpu"}},
        Case{"by_a_link_of_the_rootfs",
             {{"/var/run/secrets/token", "bind", kSecrets}},
             {mount("/run/secrets/token", "tmpfs", "/"),
              mount("/run/other/token", "tmpfs", "/")},
             {"/run/secrets/token"}},
        Case{"by_a_link_and_of_another_type",
             {{"/var/run/lock", "tmpfs", "tmpfs"}},
             {mount("/etc/lock", "ext4", "/srv/evil")},
             {}},
        Case{"a_name_that_is_asked_for_and_there",
             {{"/run/token", "bind", kSecrets}},
             {mount("/run/token", "ext4", kSecrets),
              mount("/etc/token", "ext4", kSecrets)},
             {"/run/token"}}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace stillframe::drift
