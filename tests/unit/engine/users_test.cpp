// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/users.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace stillframe::engine {
namespace {

TEST(Users, AreThoseOfTheFileAsItIsNow) {
  const std::string path = testing::TempDir() + "/users_test_passwd";
  std::filesystem::remove(path);
  Users users(path);
  EXPECT_EQ(users.name_of(0), "");
  std::ofstream(path) << "root:x:0:0:root:/root:/bin/sh\n"
                         "ann:x:1000:1000::/home/ann:/bin/sh\n";
  EXPECT_EQ(users.name_of(0), "root");
  EXPECT_EQ(users.name_of(1000), "ann");
  EXPECT_EQ(users.name_of(1001), "");
  std::ofstream(path) << "annette:x:1000:1000::/home/annette:/bin/sh\n";
  EXPECT_EQ(users.name_of(1000), "annette");
  std::filesystem::remove(path);
  EXPECT_EQ(users.name_of(1000), "");
}

}  // namespace
}  // namespace stillframe::engine
