// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/storage_conf.h"

#include <gmock/gmock.h>

#include "temp_host.h"

namespace stillframe::containers {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

TEST(StorageConf, TakesTheTwoPlaces) {
  const auto conf = parse_storage_conf(
      "graphroot = \"/wrong\"\n[storage]\ndriver = \"overlay\"\n"
      "# graphroot = \"/no\"\n graphroot = \"/srv/graph\"\n"
      "runroot='/srv/run'\n[storage.options]\ngraphroot = \"/other\"\n",
      "f");
  ASSERT_TRUE(conf) << conf.error().message;
  EXPECT_EQ(conf->graph_root, "/srv/graph");
  EXPECT_EQ(conf->run_root, "/srv/run");
}

TEST(StorageConf, TakesTheStoresOfImages) {
  const auto conf = parse_storage_conf(
      "[storage]\nimagestore = \"/one\"\n[storage.options]\n"
      "additionalimagestores = [\"/two\", 7, \"three\", \"/four\"]\n"
      "[storage.options.overlay]\nimagestore = \"/five\"\n"
      "additionalimagestores = \"/no\"\n",
      "f");
  ASSERT_TRUE(conf) << conf.error().message;
  EXPECT_THAT(conf->image_stores,
              ElementsAre("/one", "/two", "/four", "/five"));
}

TEST(StorageConf, LeavesOutWhatIsNotAnAbsolutePath) {
  for (const char* text :
       {"", "storage = 7", "[storage]\ngraphroot = 7",
        "[storage]\ngraphroot = \"relative\"", "[storage]\ngraphroot = []"}) {
    const auto conf = parse_storage_conf(text, "f");
    ASSERT_TRUE(conf) << text;
    EXPECT_EQ(conf->graph_root, "") << text;
  }
}

TEST(StorageConf, NamesThePlaceOfAnError) {
  const auto conf = parse_storage_conf("[storage]\nrunroot = /x\n", "s.conf");
  ASSERT_FALSE(conf);
  EXPECT_THAT(conf.error().message, StartsWith("s.conf:2:"));
}

TEST(StorageConf, TheOneInEtcReplacesTheOther) {
  const TempHost host;
  EXPECT_EQ(read_storage_conf(host.prefix())->graph_root,
            "/var/lib/containers/storage");
  host.file("/usr/share/containers/storage.conf",
            "[storage]\ngraphroot = \"/a\"\nrunroot = \"/b\"\n");
  EXPECT_EQ(read_storage_conf(host.prefix())->run_root, "/b");
  host.file("/etc/containers/storage.conf", "[storage]\ngraphroot = \"/c\"\n");
  EXPECT_EQ(read_storage_conf(host.prefix())->graph_root, "/c");
  EXPECT_EQ(read_storage_conf(host.prefix())->run_root,
            "/run/containers/storage");
}

}  // namespace
}  // namespace stillframe::containers
