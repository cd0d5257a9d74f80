// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/oci_config.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "temp_host.h"

namespace stillframe::containers {
namespace {

TEST(OciConfig, TellsWhatTheRuntimeIsAskedFor) {
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
