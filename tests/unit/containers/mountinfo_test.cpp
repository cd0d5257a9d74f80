// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/mountinfo.h"

#include <gmock/gmock.h>

#include "temp_host.h"

namespace stillframe::containers {
namespace {

using testing::ElementsAre;

TEST(Mountinfo, ParsesEscapesAndSkipsBrokenLines) {
  const auto mounts = parse_mountinfo(fixture("mountinfo.container"));
  ASSERT_EQ(mounts.size(), 5u);
  EXPECT_EQ(mounts[2].root, "/srv/vol");
  EXPECT_EQ(mounts[2].target, "/data");
  EXPECT_EQ(mounts[2].dev, 254u << 20 | 1u);
  EXPECT_EQ(mounts[2].type, "ext4");
  EXPECT_TRUE(mounts[3].read_only);
  EXPECT_EQ(mounts[4].target, "/mnt/a\\b\tc");
}

TEST(Mountinfo, TakesTheLastMountOnTheRoot) {
  const auto mounts = parse_mountinfo(fixture("mountinfo.container"));
  const Mount* root = mount_at(mounts, "/");
  ASSERT_NE(root, nullptr);
  const auto overlay = parse_overlay(*root);
  EXPECT_EQ(overlay.upper, "/layers/up,per\nx");
  EXPECT_THAT(overlay.lower,
              ElementsAre("/layers/a:b", "/layers/c,d", "/layers/e f"));
  EXPECT_EQ(mount_at(mounts, "/none"), nullptr);
}

TEST(Mountinfo, TakesLayersGivenOneByOneVerbatim) {
  const auto mounts = parse_mountinfo(fixture("mountinfo.overlay-plus"));
  ASSERT_EQ(mounts.size(), 1u);
  const auto overlay = parse_overlay(mounts[0]);
  EXPECT_EQ(overlay.upper, "/l/up");
  EXPECT_THAT(overlay.lower, ElementsAre("/l/one:two", "/l/three"));
}

struct DataOnly {
  std::vector<std::string> options;
  std::vector<std::string> lower;
  std::vector<std::string> data;
};

TEST(Mountinfo, TellsDataOnlyLayersFromOthers) {
  const DataOnly cases[] = {
      {{"lowerdir=/a:/b"}, {"/a", "/b"}, {}},
      {{"lowerdir=/a:/b::/c"}, {"/a", "/b"}, {"/c"}},
      {{"lowerdir=/a::/c::/d\\:e"}, {"/a"}, {"/c", "/d:e"}},
      {{"lowerdir+=/a", "datadir+=/c:d", "datadir+=/e"},
       {"/a"},
       {"/c:d", "/e"}},
  };
  for (const auto& one : cases) {
    Mount mount;
    mount.options = one.options;
    const auto overlay = parse_overlay(mount);
    EXPECT_EQ(overlay.lower, one.lower) << one.options.back();
    EXPECT_EQ(overlay.data, one.data) << one.options.back();
  }
}

TEST(Mountinfo, ListsMountPointsUpToALimit) {
  const auto mounts = parse_mountinfo(fixture("mountinfo.container"));
  EXPECT_EQ(mount_points(mounts, 2).size(), 2u);
  const auto points = mount_points(mounts, 100);
  ASSERT_EQ(points.size(), 3u);
  EXPECT_EQ(points[1].path, "/proc");
  EXPECT_EQ(points[1].type, "proc");
  EXPECT_TRUE(points[1].read_only);
}

TEST(Mountinfo, KeepsWhatCanBeCompared) {
  const auto entries =
      mount_entries(parse_mountinfo(fixture("mountinfo.container")));
  ASSERT_EQ(entries.size(), 5u);
  EXPECT_EQ(entries[2], (MountEntry{.id = 79,
                                    .dev = 254u << 20 | 1u,
                                    .root = "/srv/vol",
                                    .target = "/data",
                                    .type = "ext4",
                                    .source = "/dev/vda1",
                                    .options = "rw,relatime",
                                    .read_only_below = false}));
  EXPECT_EQ(entries[3].options, "ro,nosuid,nodev");
}

// A volume asked for with rslave, what came with it and what the host mounted
// there since; beside it what the container mounted there, and a root that gets
// what the host mounts over it.
TEST(Mountinfo, KnowsWhatTheHostMountedOnAVolume) {
  const auto entries = mount_entries(parse_mountinfo(
      "10 9 0:40 / / rw master:4 - overlay overlay rw\n"
      "11 10 8:1 /srv /host rw master:1 - ext4 /dev/sda1 rw\n"
      "12 11 0:41 / /host/run rw shared:7 master:2 - tmpfs tmpfs rw\n"
      "13 12 0:42 / /host/run/lock rw master:3 - tmpfs tmpfs rw\n"
      "14 11 0:43 / /host/own rw - tmpfs tmpfs rw\n"
      "15 10 0:44 / /etc rw master:5 - tmpfs tmpfs rw\n"
      "16 10 8:1 /data /data rw - ext4 /dev/sda1 rw\n"
      "17 16 0:45 / /data/sub rw master:6 - tmpfs tmpfs rw\n"));
  std::vector<std::string> received;
  for (const auto& entry : entries) {
    if (entry.received) received.push_back(entry.target);
  }
  EXPECT_THAT(received, ElementsAre("/host/run", "/host/run/lock"));
}

TEST(Mountinfo, SurvivesRubbish) {
  for (const std::string& text :
       {std::string(), std::string("\n\n\n"), std::string(100000, ' '),
        std::string(100000, 'x'), std::string("1 2 3:4 / / rw - "),
        std::string("1 2 a:b / / rw - x y z\n"),
        std::string("1 2 3:4 / relative rw - x y z\n"),
        std::string("1 2 99999999999:4 / / rw - x y z\n")}) {
    for (const auto& mount : parse_mountinfo(text)) {
      EXPECT_EQ(mount.target, "/");
    }
  }
  Mount odd;
  odd.options = {"lowerdir=", "upperdir", "lowerdir=\\", "lowerdir=::x"};
  EXPECT_EQ(parse_overlay(odd).upper, "");
  EXPECT_THAT(parse_overlay(odd).lower, ElementsAre("\\"));
}

}  // namespace
}  // namespace stillframe::containers
