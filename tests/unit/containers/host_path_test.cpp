// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/host_path.h"

#include <gmock/gmock.h>

namespace stillframe::containers {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> paths(const std::string& root,
                               const std::string& host) {
  const auto mounts =
      parse_mountinfo("1 2 8:1 " + root + " / rw - ext4 /dev/sda1 rw\n");
  return host_paths(mounts.at(0), parse_mountinfo(host));
}

TEST(HostPath, IsBelowTheHostsMountOfTheSameDevice) {
  const std::string host =
      "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
      "21 1 8:2 / /srv rw - ext4 /dev/sda2 rw\n"
      "22 1 8:1 /data /mnt rw - ext4 /dev/sda1 rw\n";
  EXPECT_THAT(paths("/srv/web", host), ElementsAre("/srv/web"));
  EXPECT_THAT(paths("/data/web", host), ElementsAre("/data/web", "/mnt/web"));
  EXPECT_THAT(paths("/data", host), ElementsAre("/data", "/mnt"));
  EXPECT_THAT(paths("/database", host), ElementsAre("/database"));
  EXPECT_THAT(paths("/", host), ElementsAre("/"));
}

TEST(HostPath, OfASubvolumeStartsBelowTheMountedOne) {
  const std::string host = "20 1 8:1 /@ / rw - btrfs /dev/sda1 rw\n";
  EXPECT_THAT(paths("/@/var/lib/web", host), ElementsAre("/var/lib/web"));
  EXPECT_THAT(paths("/@home", host), IsEmpty());
}

TEST(HostPath, OfAPathIsThatOfTheInnermostMount) {
  const auto host = parse_mountinfo(
      "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
      "21 1 0:40 / /run/merged rw - overlay overlay rw\n");
  const auto theirs = parse_mountinfo(
      "30 1 0:40 / / rw - overlay overlay rw\n"
      "31 30 8:1 /srv/old /vol rw - ext4 /dev/sda1 rw\n"
      "32 30 8:1 /srv/vol /vol rw - ext4 /dev/sda1 rw\n"
      "33 32 0:50 / /vol/tmp rw - tmpfs tmpfs rw\n");
  EXPECT_THAT(host_paths("/vol/up", theirs, host), ElementsAre("/srv/vol/up"));
  EXPECT_THAT(host_paths("/vol", theirs, host), ElementsAre("/srv/vol"));
  EXPECT_THAT(host_paths("/image", theirs, host),
              ElementsAre("/run/merged/image"));
  EXPECT_THAT(host_paths("/volume", theirs, host),
              ElementsAre("/run/merged/volume"));
  EXPECT_THAT(host_paths("/", theirs, host), ElementsAre("/run/merged"));
  EXPECT_THAT(host_paths("/vol/tmp/up", theirs, host), IsEmpty());
  EXPECT_THAT(host_paths("relative", theirs, host), IsEmpty());
}

}  // namespace
}  // namespace stillframe::containers
