// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/host_path.h"

#include <gmock/gmock.h>

#include "temp_host.h"

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

class HostDirectories : public testing::Test {
 protected:
  HostDirectories() {
    for (const char* path : {"/srv/vol/up", "/srv/old/up", "/srv/secret",
                             "/run/merged/image", "/run/merged/volume"}) {
      host_.directory(path);
    }
  }

  std::vector<std::string> directories(const std::string& path) const {
    return host_directories(
        path,
        parse_mountinfo("30 1 0:40 / / rw - overlay overlay rw\n"
                        "31 30 8:1 /srv/old /vol rw - ext4 /dev/sda1 rw\n"
                        "32 30 8:1 /srv/vol /vol rw - ext4 /dev/sda1 rw\n"
                        "33 32 0:50 / /vol/tmp rw - tmpfs tmpfs rw\n"),
        parse_mountinfo("20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
                        "21 1 0:40 / /run/merged rw - overlay overlay rw\n"),
        host_.prefix());
  }

  TempHost host_;
};

TEST_F(HostDirectories, AreBelowTheInnermostMount) {
  const std::string& top = host_.prefix();
  EXPECT_THAT(directories("/vol/up"), ElementsAre(top + "/srv/vol/up"));
  EXPECT_THAT(directories("/vol"), ElementsAre(top + "/srv/vol"));
  EXPECT_THAT(directories("/image"), ElementsAre(top + "/run/merged/image"));
  EXPECT_THAT(directories("/volume"), ElementsAre(top + "/run/merged/volume"));
  EXPECT_THAT(directories("/"), ElementsAre(top + "/run/merged"));
  for (const char* none : {"/vol/tmp/up", "/vol/none", "relative", ""}) {
    EXPECT_THAT(directories(none), IsEmpty()) << none;
  }
}

TEST_F(HostDirectories, NothingLeadsOutOfTheMount) {
  host_.link("/srv/vol/short", "up");
  host_.link("/srv/vol/away", "../secret");
  host_.link("/srv/vol/far", host_.prefix() + "/srv/secret");
  EXPECT_THAT(directories("/vol/short"),
              ElementsAre(host_.prefix() + "/srv/vol/up"));
  for (const char* none : {"/vol/away", "/vol/far", "/vol/../../srv/secret",
                           "/vol/up/../../secret"}) {
    EXPECT_THAT(directories(none), IsEmpty()) << none;
  }
}

}  // namespace
}  // namespace stillframe::containers
