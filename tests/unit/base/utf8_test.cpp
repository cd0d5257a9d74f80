// SPDX-License-Identifier: Apache-2.0
#include "agent/base/utf8.h"

#include <gtest/gtest.h>

namespace stillframe::test {
namespace {

TEST(Utf8, ReadsOneCharacter) {
  struct Case {
    std::string bytes;
    std::uint32_t code_point;
    std::size_t length;
  };
  const Case cases[] = {
      {"a", 'a', 1},
      {std::string("\0", 1), 0, 1},
      {"\xc3\xa9x", 0xe9, 2},
      {"\xe2\x82\xac", 0x20ac, 3},
      {"\xf0\x9f\x98\x80", 0x1f600, 4},
      {"\xf4\x8f\xbf\xbf", 0x10ffff, 4},
      {"\x80", 0, 0},
      {"\xff", 0, 0},
      {"\xc3", 0, 0},              // cut
      {"\xc3x", 0, 0},             // not continued
      {"\xc0\xaf", 0, 0},          // overlong
      {"\xe0\x80\xaf", 0, 0},      // overlong
      {"\xf0\x80\x80\xaf", 0, 0},  // overlong
      {"\xed\xa0\x80", 0, 0},      // a surrogate
      {"\xf4\x90\x80\x80", 0, 0},  // above U+10FFFF
      {"\xf8\x88\x80\x80\x80", 0, 0},
  };
  for (const auto& c : cases) {
    const auto found = first_character(c.bytes);
    EXPECT_EQ(found.length, c.length) << c.bytes;
    EXPECT_EQ(found.code_point, c.code_point) << c.bytes;
    if (c.length != 0) {
      std::string again;
      append_utf8(again, found.code_point);
      EXPECT_EQ(again, c.bytes.substr(0, c.length));
    }
  }
}

TEST(Utf8, CutsBetweenCharacters) {
  const std::string euros = "\xe2\x82\xac\xe2\x82\xac";
  const std::size_t kept[] = {0, 0, 0, 3, 3, 3, 6, 6};
  for (std::size_t limit = 0; limit < std::size(kept); ++limit) {
    EXPECT_EQ(cut_utf8(euros, limit).size(), kept[limit]) << limit;
  }
  EXPECT_EQ(cut_utf8("abc", 2), "ab");
  EXPECT_EQ(cut_utf8("\x80\x80\x80\x80\x80", 4).size(), 4u);
  EXPECT_EQ(cut_utf8("\xf0\x9f\x98\x80", 3), "");
}

TEST(Utf8, KnowsWidthsAndDisguises) {
  EXPECT_EQ(character_columns('a'), 1u);
  EXPECT_EQ(character_columns(0x301), 0u);  // combining
  EXPECT_EQ(character_columns(0x65e5), 2u);
  EXPECT_EQ(character_columns(0x1f600), 2u);
  for (const std::uint32_t c : {0x1bu, 0x85u, 0x200bu, 0x200fu, 0x2028u,
                                0x202eu, 0x2066u, 0xfeffu, 0xe0041u}) {
    EXPECT_TRUE(is_deceptive(c)) << c;
  }
  for (const std::uint32_t c : {0x61u, 0xe9u, 0x20acu, 0x1f600u}) {
    EXPECT_FALSE(is_deceptive(c)) << c;
  }
}

}  // namespace
}  // namespace stillframe::test
