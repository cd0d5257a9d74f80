// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/oci_config.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "temp_host.h"

namespace stillframe::containers {
namespace {

TEST(OciConfig, ReadsWhatTheRuntimeIsAskedFor) {
  const TempHost host;
  host.file("/b/config.json",
            R"({"annotations":{"a":"b"},
                "process":{"cwd":"/app//x/","user":{"uid":1234}},
                "mounts":[{"destination":"/data/"},{"destination":"x"},7]})");
  const auto config = read_oci_config(host.prefix() + "/b/config.json");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->annotations.at("a"), "b");
  EXPECT_EQ(config->asked.work_dir, "/app/x");
  EXPECT_EQ(config->asked.mounts, std::vector<std::string>{"/data"});
  EXPECT_EQ(config->asked.uid, 1234u);
  host.file("/b/config.json", "{");
  EXPECT_FALSE(read_oci_config(host.prefix() + "/b/config.json"));
  host.file("/b/config.json", R"({"process":7})");
  EXPECT_EQ(read_oci_config(host.prefix() + "/b/config.json")->asked.work_dir,
            "");
}

AskedMounts all_of(const std::string& rest) {
  const TempHost host;
  host.file("/b/config.json",
            R"({"mounts":[{"destination":"/proc","type":"proc"},
                 {"destination":"/data/","type":"bind","source":"/srv",
                  "options":["rw","rbind"]}]
                )" +
                rest + "}");
  return read_oci_config(host.prefix() + "/b/config.json")->asked.all_mounts;
}

TEST(OciConfig, ReadsAllThatIsMountedBeforeTheFirstProgram) {
  const auto all = all_of(R"(,"linux":{"namespaces":[{"type":"mount"}],
      "maskedPaths":["/proc/keys"],"readonlyPaths":["/proc/sys"],
      "devices":[{"path":"/dev/fuse"},{"path":7}]})");
  ASSERT_TRUE(all);
  for (const auto& one : std::vector<AskedMount>{{"/proc", "proc", ""},
                                                 {"/data", "rbind", "/srv"},
                                                 {"/proc/keys", "", ""},
                                                 {"/proc/sys", "", ""},
                                                 {"/dev/fuse", "", ""},
                                                 {"/dev/null", "", ""}}) {
    EXPECT_NE(std::find(all->begin(), all->end(), one), all->end()) << one.path;
  }
}

TEST(OciConfig, OfWhatOthersMountNothingIsReported) {
  const std::string own = R"(,"linux":{"namespaces":[{"type":"mount"}]})";
  EXPECT_FALSE(all_of(R"(,"linux":{"namespaces":[{"type":"pid"}]})"));
  EXPECT_FALSE(
      all_of(R"(,"linux":{"namespaces":[{"type":"mount","path":"/p"}]})"));
  EXPECT_FALSE(all_of(own + R"(,"hooks":{"prestart":[{"path":"/nvidia"}]})"));
  EXPECT_TRUE(all_of(own + R"(,"hooks":{"poststop":[{"path":"/x"}]})"));
  EXPECT_TRUE(all_of(
      own + R"(,"hooks":{"prestart":[{"args":["libnetwork-setkey","a"]}]})"));
}

TEST(OciConfig, PathsAreTakenAsTheyAreMeant) {
  for (const auto& [written, meant] :
       std::vector<std::pair<std::string, std::string>>{
           {"/a/c", "/a/c"},
           {"/a//b/../c/.", "/a/c"},
           {"/../../a", "/a"},
           {"/", ""},
           {"a/b", ""},
           {"", ""}}) {
    EXPECT_EQ(absolute_path(written), meant) << written;
  }
}

}  // namespace
}  // namespace stillframe::containers
