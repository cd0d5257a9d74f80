// SPDX-License-Identifier: Apache-2.0
#include "exporters/web/passwords.h"

#include <crypt.h>
#include <gtest/gtest.h>

namespace stillframe::web {
namespace {

std::string hash_of(const std::string& password, const char* prefix = "$2y$") {
  crypt_data work{};
  const std::string setting = std::string(prefix) + "04$abcdefghijklmnopqrstuu";
  return ::crypt_r(password.c_str(), setting.c_str(), &work);
}

class PasswordsTest : public testing::Test {
 protected:
  const Users users_ = {{"alice", hash_of("right")}, {"bob", hash_of("his")}};
  Passwords passwords_;
};

TEST_F(PasswordsTest, RightOnesAreRight) {
  EXPECT_TRUE(passwords_.check(users_, {"alice", "right"}));
  EXPECT_TRUE(passwords_.check(users_, {"bob", "his"}));
}

TEST_F(PasswordsTest, OthersAreWrong) {
  const Credentials wrong[] = {
      {"alice", ""},
      {"alice", "his"},
      {"alice", "Right"},
      {"alice", std::string("right\0x", 7)},
      {"alice", std::string(100'000, 'a')},
      {"", "right"},
      {"carol", "right"},
      // That of the hash an unknown user is compared with.
      {"carol", "his"},
  };
  for (const auto& each : wrong) {
    EXPECT_FALSE(passwords_.check(users_, each)) << each.user;
    EXPECT_FALSE(passwords_.knows(users_, each)) << each.user;
  }
}

TEST_F(PasswordsTest, EachWayToWriteBcryptIsTaken) {
  for (const char* prefix : {"$2a$", "$2b$", "$2y$"}) {
    EXPECT_TRUE(passwords_.check({{"a", hash_of("x", prefix)}}, {"a", "x"}))
        << prefix;
  }
}

TEST_F(PasswordsTest, WhatWasRightIsKnownUntilTheHashChanges) {
  const Credentials alice{"alice", "right"};
  EXPECT_FALSE(passwords_.knows(users_, alice));
  EXPECT_TRUE(passwords_.check(users_, alice));
  EXPECT_TRUE(passwords_.knows(users_, alice));
  const Users changed = {{"alice", hash_of("new")}};
  EXPECT_FALSE(passwords_.knows(changed, alice));
  EXPECT_FALSE(passwords_.check(changed, alice));
}

// bcrypt compares 72 bytes: as many passwords are right as somebody makes up.
TEST_F(PasswordsTest, RemembersOnlySoMany) {
  const std::string longest(72, 'a');
  const Users users = {{"a", hash_of(longest)}};
  for (int i = 0; i < 101; ++i) {
    ASSERT_TRUE(passwords_.check(users, {"a", longest + std::to_string(i)}));
  }
  EXPECT_FALSE(passwords_.knows(users, {"a", longest + "0"}));
  EXPECT_TRUE(passwords_.knows(users, {"a", longest + "100"}));
}

}  // namespace
}  // namespace stillframe::web
