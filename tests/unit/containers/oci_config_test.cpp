// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/oci_config.h"

#include <gtest/gtest.h>

#include "temp_host.h"

namespace stillframe::containers {
namespace {

TEST(OciConfig, TellsAnnotationsAndTheWorkingDirectory) {
  const TempHost host;
  host.file("/b/config.json",
            R"({"annotations":{"a":"b"},"process":{"cwd":"/app//x/"}})");
  const auto config = read_oci_config(host.prefix() + "/b/config.json");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->annotations.at("a"), "b");
  EXPECT_EQ(config->work_dir, "/app/x");
  host.file("/b/config.json", "{");
  EXPECT_FALSE(read_oci_config(host.prefix() + "/b/config.json"));
  host.file("/b/config.json", R"({"process":7})");
  EXPECT_EQ(read_oci_config(host.prefix() + "/b/config.json")->work_dir, "");
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
