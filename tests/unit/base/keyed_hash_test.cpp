// SPDX-License-Identifier: Apache-2.0
#include "agent/base/keyed_hash.h"

#include <gtest/gtest.h>

#include <string>

namespace stillframe {
namespace {

// Appendix A of the paper that describes it: key 00 … 0f, bytes 00 … 0e.
TEST(KeyedHash, IsSipHash) {
  const KeyedHash hash({0x0706050403020100u, 0x0f0e0d0c0b0a0908u});
  std::string bytes;
  for (char c = 0; c < 15; ++c) bytes.push_back(c);
  EXPECT_EQ(hash(bytes), 0xa129ca6149be45e5u);
}

TEST(KeyedHash, DependsOnKeyAndLength) {
  const KeyedHash one({1, 2});
  const KeyedHash other({1, 3});
  EXPECT_NE(one("name"), other("name"));
  EXPECT_NE(one("name"), one(std::string("name\0", 5)));
  EXPECT_EQ(KeyedHash::own()("name"), KeyedHash::own()("name"));
}

}  // namespace
}  // namespace stillframe
