// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/cgroup_layout.h"

#include <gtest/gtest.h>

#include "temp_host.h"

namespace stillframe::containers {
namespace {

const std::string kContainer = "/docker/" + std::string(64, 'a');

TEST(CgroupLayout, ObservesTheOnlyHierarchyOfV2) {
  const TempHost host;
  host.file("/proc/self/mountinfo", fixture("mountinfo.v2"));
  const auto layout = detect_cgroups(host.prefix());
  ASSERT_TRUE(layout);
  EXPECT_EQ(to_string(layout->mode), "v2");
  EXPECT_EQ(layout->unified, "/sys/fs/cgroup");
  EXPECT_EQ(layout->observed, "");
  EXPECT_EQ(layout->observed_mount, "/sys/fs/cgroup");
  EXPECT_TRUE(layout->v1.empty());
}

TEST(CgroupLayout, ObservesTheUnifiedHierarchyOfHybrid) {
  const TempHost host;
  host.file("/proc/self/mountinfo", fixture("mountinfo.hybrid"));
  host.directory("/sys/fs/cgroup/unified" + kContainer);
  host.directory("/sys/fs/cgroup/pids" + kContainer);
  const auto layout = detect_cgroups(host.prefix());
  ASSERT_TRUE(layout);
  EXPECT_EQ(to_string(layout->mode), "hybrid");
  EXPECT_EQ(layout->observed, "");
  EXPECT_EQ(layout->observed_mount, "/sys/fs/cgroup/unified");
  EXPECT_EQ(layout->v1.at("cpuacct"), "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_EQ(layout->v1.at("name=systemd"), "/sys/fs/cgroup/systemd");
  EXPECT_EQ(layout->v1.count("rw"), 0u);
}

TEST(CgroupLayout, ObservesV1WhereHybridRuntimesUseOnlyThat) {
  const TempHost host;
  host.file("/proc/self/mountinfo", fixture("mountinfo.hybrid"));
  host.directory("/sys/fs/cgroup/unified/system.slice");
  host.directory("/sys/fs/cgroup/pids" + kContainer);
  const auto layout = detect_cgroups(host.prefix());
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->observed, "pids");
  EXPECT_EQ(layout->observed_mount, "/sys/fs/cgroup/pids");
}

TEST(CgroupLayout, ObservesTheFirstUsualHierarchyOfV1) {
  const TempHost host;
  host.file("/proc/self/mountinfo", fixture("mountinfo.v1"));
  const auto layout = detect_cgroups(host.prefix());
  ASSERT_TRUE(layout);
  EXPECT_EQ(to_string(layout->mode), "v1");
  // Of memory only a part is mounted.
  EXPECT_EQ(layout->observed, "cpu");
  EXPECT_EQ(layout->observed_mount, "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_EQ(layout->v1.at("devices"), "/srv/our cgroups/devices");
}

TEST(CgroupLayout, FailsWithoutCgroups) {
  const TempHost host;
  EXPECT_FALSE(detect_cgroups(host.prefix()));
  host.file("/proc/self/mountinfo", "28 1 8:2 / / rw - ext4 /dev/sda rw\n");
  EXPECT_FALSE(detect_cgroups(host.prefix()));
}

}  // namespace
}  // namespace stillframe::containers
