// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/layers.h"

#include <gmock/gmock.h>

#include "agent/model/inode_identity.h"
#include "temp_host.h"

namespace stillframe::containers {
namespace {

using testing::ElementsAre;

TEST(Layers, AbsolutePathsLieBelowThePrefix) {
  const TempHost host;
  const auto upper = host.directory("/l/up");
  const auto lower = host.directory("/l/one");
  const auto layers = find_layers({"/l/up", {"/l/one"}}, host.prefix(), {}, {});
  ASSERT_TRUE(layers);
  EXPECT_EQ(layers->upper, upper);
  EXPECT_THAT(layers->lower, ElementsAre(lower));
}

TEST(Layers, RelativePathsStartFromARootOrAboveTheUpper) {
  const TempHost host;
  const auto upper = host.directory("/graph/ID/diff");
  const auto lower = host.directory("/graph/l/ABC");
  const auto roots =
      std::vector{host.directory("/empty"), host.directory("/graph")};
  const auto podman =
      find_layers({"ID/diff", {"l/ABC"}}, host.prefix(), roots, {});
  ASSERT_TRUE(podman);
  EXPECT_EQ(podman->upper, upper);
  EXPECT_THAT(podman->lower, ElementsAre(lower));
  host.directory("/snapshots/23/fs");
  const auto base = host.directory("/snapshots/22/fs");
  const auto containerd =
      find_layers({"/snapshots/23/fs", {"22/fs"}}, host.prefix(), {}, {});
  ASSERT_TRUE(containerd);
  EXPECT_THAT(containerd->lower, ElementsAre(base));
}

TEST(Layers, TheUpperMustBeTheOneWanted) {
  const TempHost host;
  host.directory("/a/up");
  const auto right = upper_root_of(host.directory("/b/up"));
  ASSERT_TRUE(right);
  const std::vector roots{host.prefix() + "/a", host.prefix() + "/b"};
  const auto layers = find_layers({"up", {}}, host.prefix(), roots, *right);
  ASSERT_TRUE(layers);
  EXPECT_EQ(layers->upper, host.prefix() + "/b/up");
  EXPECT_FALSE(find_layers({"/a/up", {}}, host.prefix(), {}, *right));
}

TEST(Layers, EscapedAndPlainUppersAreTriedAsTheyStand) {
  const TempHost host;
  host.directory("/l/a,b");
  host.directory("/l/c\\,d");
  EXPECT_TRUE(find_layers({"/l/a\\,b", {}}, host.prefix(), {}, {}));
  const auto raw = find_layers({"/l/c\\,d", {}}, host.prefix(), {}, {});
  ASSERT_TRUE(raw);
  EXPECT_EQ(raw->upper, host.prefix() + "/l/c\\,d");
}

TEST(Layers, FailsWhereALayerIsMissing) {
  const TempHost host;
  host.directory("/l/up");
  host.file("/l/file", "");
  EXPECT_FALSE(find_layers({"", {"/l"}}, host.prefix(), {}, {}));
  EXPECT_FALSE(find_layers({"/l/none", {}}, host.prefix(), {}, {}));
  EXPECT_FALSE(find_layers({"/l/file", {}}, host.prefix(), {}, {}));
  EXPECT_FALSE(find_layers({"/l/up", {"/l/none"}}, host.prefix(), {}, {}));
  EXPECT_FALSE(find_layers({"/l/up", {"none"}}, host.prefix(), {}, {}));
}

}  // namespace
}  // namespace stillframe::containers
