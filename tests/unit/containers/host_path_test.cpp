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

}  // namespace
}  // namespace stillframe::containers
