// SPDX-License-Identifier: Apache-2.0
#include "agent/base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace stillframe::test {
namespace {

struct Shown {
  std::string bytes;
  std::string shown;
};

TEST(Display, EscapesWhatCouldDriveATerminal) {
  const Shown cases[] = {
      {"plain", "plain"},
      {"", ""},
      {"with space", "with space"},
      {"größe", "größe"},
      {"a\nb", R"("a\nb")"},
      {"\x1b[31mred", R"("\x1b[31mred")"},
      {"quo\"te", R"("quo\"te")"},
      {"back\\slash", R"("back\\slash")"},
      {"\xff\xfe", R"("\xff\xfe")"},
      {"\xc0\xaf", R"("\xc0\xaf")"},          // overlong '/'
      {"\xed\xa0\x80", R"("\xed\xa0\x80")"},  // a surrogate
      {"\xe2\x80\xae"
       "cod.exe",
       R"("\u202ecod.exe")"},  // right-to-left
      {std::string("nul\0x", 5), R"("nul\x00x")"},
  };
  for (const auto& c : cases) EXPECT_EQ(display(c.bytes), c.shown);
}

TEST(Json, WhatWasDumpedIsParsedAgain) {
  const std::string cases[] = {
      "",        "plain",    "\xff\x80",         "\xff\xf0\x9f\x91\x8d",
      "\\udc80", "\\\xfe\"", "\xf4\x8f\xbe\x80", "\xf0\x9f\x91\x8d\xff"};
  for (const auto& bytes : cases) {
    const nlohmann::json value = {{"k", json_text(bytes)}};
    const auto back = parse_json(dump_json(value));
    ASSERT_TRUE(back) << display(bytes);
    EXPECT_EQ(json_bytes((*back)["k"].get<std::string>()), bytes)
        << display(bytes);
  }
}

TEST(Json, WhatIsNoneIsNotParsed) {
  for (const char* text : {"", "{", "\"\\ud83d\"", "\"\\ud", "\\", "{}x"}) {
    EXPECT_FALSE(parse_json(text)) << text;
  }
}

TEST(JsonText, EveryByteStringComesBack) {
  const std::string cases[] = {
      "",
      "plain",
      "größe",
      std::string("\0\x01\x7f", 3),
      "\xff",
      "a\xc3",
      "\xed\xb3\xbf",
      "\xf4\x8f\xbd\xbf",  // U+10FF7F: in the carrier block itself
      "\xf4\x8f\xbf\xbf"
      "\xff",
  };
  for (const auto& bytes : cases) {
    EXPECT_EQ(json_bytes(json_text(bytes)), bytes) << display(bytes);
  }
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(json_bytes(json_text(all)), all);
}

TEST(DumpJson, InvalidBytesAreLoneSurrogatesAsInPython) {
  EXPECT_EQ(dump_json(json_text("a\xff")), R"("a\udcff")");
  EXPECT_EQ(dump_json(json_text("ü")), R"("\u00fc")");
  EXPECT_EQ(dump_json(json_text("\n\x1b")), R"("\n\u001b")");
  // A name that spells the carrier out stays what it is.
  EXPECT_EQ(dump_json(json_text("\\udbff\\udfff")), R"("\\udbff\\udfff")");
}

TEST(Split, KeepsEmptyParts) {
  EXPECT_THAT(split("a::b", ':'), testing::ElementsAre("a", "", "b"));
  EXPECT_THAT(split("", ':'), testing::ElementsAre(""));
}

TEST(IsHex, NothingIsNotHex) {
  EXPECT_FALSE(is_hex(""));
  EXPECT_TRUE(is_hex("09afAF"));
  EXPECT_FALSE(is_hex("09ag"));
}

}  // namespace
}  // namespace stillframe::test
