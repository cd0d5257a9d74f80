// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/cli/duration.h"

namespace stillframe::cli {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

TEST(ConfigFile, ReadsKeysSectionsAndArraysInTheFilesOrder) {
  const auto entries = parse_config(
      "# a comment\n"
      "log.level = \"debug\"   # another\n"
      "\n"
      "[web]\r\n"
      "listen-address = [\":1\", '[::1]:2',]\n"
      "telemetry-path = \"/a \\\"b\\\\c\"\n"
      "[metrics] # third\n"
      "max-containers=5\n"
      "[a.b]\n"
      "c = true\n",
      "f");
  ASSERT_TRUE(entries) << entries.error().message;
  ASSERT_EQ(entries->size(), 5u);
  EXPECT_EQ(entries->at(0).key, "log.level");
  EXPECT_THAT(entries->at(0).values, ElementsAre("debug"));
  EXPECT_EQ(entries->at(1).key, "web.listen-address");
  EXPECT_EQ(entries->at(1).place, "f:5:1");
  EXPECT_THAT(entries->at(1).values, ElementsAre(":1", "[::1]:2"));
  EXPECT_THAT(entries->at(2).values, ElementsAre("/a \"b\\c"));
  EXPECT_EQ(entries->at(3).key, "metrics.max-containers");
  EXPECT_THAT(entries->at(3).values, ElementsAre("5"));
  EXPECT_EQ(entries->at(4).key, "a.b.c");
  EXPECT_THAT(entries->at(4).values, ElementsAre("true"));
}

TEST(ConfigFile, NamesThePlaceOfAnError) {
  const char* bad[] = {"x",           "= 1",          "a b = 1",
                       "a =",         "a = # none",   "a = \"open",
                       "a = [1",      "a = [1 2]",    "a = 1 2",
                       "a = \"\\q\"", "[open\n",      "[a b]",
                       "[a] x",       "a = [,]",      "a\x1b[31m = 2",
                       "a = debug",   "a = 60s",      "a = 1.5",
                       "a = [[1]]",   "a = [{}]",     "a = 1979-05-27",
                       "ok = 2",      "a = \"\xff\"", "[[=",
                       "[[[a]]]",     "[=]",          "[.a]",
                       "a=2\xc4\xa3"};
  for (const char* line : bad) {
    const auto entries = parse_config(std::string("ok = 1\n") + line, "f.toml");
    ASSERT_FALSE(entries) << line;
    EXPECT_THAT(entries.error().message,
                testing::MatchesRegex("f\\.toml:[23]:[0-9]+: .*"));
    EXPECT_EQ(entries.error().message.find('\x1b'), std::string::npos);
  }
  EXPECT_EQ(parse_config("a = 1\n[b]\n", "f")->size(), 1u);
  EXPECT_THAT(parse_config("[w]\na = 1\n\n[w]\nb = 2", "f").error().message,
              StartsWith("f:4:"));
}

TEST(ConfigFile, DeepNestingIsAnError) {
  const std::string deep(10000, '[');
  EXPECT_FALSE(parse_config("a = " + deep, "f"));
}

TEST(ConfigFile, QuotesWhatItCanReadAgain) {
  const std::string value = "a \"b\" \\ [c], #d";
  const auto entries = parse_config("k = " + quote_config(value), "f");
  ASSERT_TRUE(entries) << entries.error().message;
  EXPECT_THAT(entries->at(0).values, ElementsAre(value));
}

TEST(Duration, ReadsUnits) {
  using std::chrono::milliseconds;
  EXPECT_EQ(*parse_duration("500ms"), milliseconds(500));
  EXPECT_EQ(*parse_duration("60s"), milliseconds(60'000));
  EXPECT_EQ(*parse_duration("1h30m"), milliseconds(5'400'000));
  EXPECT_EQ(*parse_duration("2d"), milliseconds(172'800'000));
}

TEST(Duration, RefusesTheRest) {
  for (const char* bad : {"", "5", "s", "-1s", "1.5s", "5 s", "5x", "0s", "5s3",
                          "400d", "99999999999s", "4294967295d", "1s\n"}) {
    EXPECT_FALSE(parse_duration(bad)) << bad;
  }
}

}  // namespace
}  // namespace stillframe::cli
