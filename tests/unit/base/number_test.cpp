// SPDX-License-Identifier: Apache-2.0
#include "agent/base/number.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace stillframe::test {
namespace {

TEST(ParseNumber, TakesAWholeTextThatFits) {
  EXPECT_EQ(parse_number<std::uint32_t>("0"), 0u);
  EXPECT_EQ(parse_number<std::uint32_t>("4294967295"), 4294967295u);
  EXPECT_EQ(parse_number<std::int32_t>("-7"), -7);
  EXPECT_EQ(parse_number<std::uint8_t>("ff", 16), 255);
}

TEST(ParseNumber, RefusesAllElse) {
  for (const char* text : {"", " 1", "1 ", "+1", "-1", "1x", "0x1", "1.0", "x",
                           "4294967296", "99999999999999999999", "1\n"}) {
    EXPECT_FALSE(parse_number<std::uint32_t>(text)) << text;
  }
}

}  // namespace
}  // namespace stillframe::test
