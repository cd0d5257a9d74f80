// SPDX-License-Identifier: Apache-2.0
#include "agent/base/log.h"

#include <gtest/gtest.h>

#include "agent/base/text.h"
#include "tests/unit/full_pipe.h"

namespace stillframe {
namespace {

TEST(LogLine, IsLogfmt) {
  EXPECT_EQ(format_log_line(LogFormat::logfmt, LogLevel::info, "T", "it runs",
                            {{"port", 12015}, {"ok", true}, {"x", ""}}),
            "time=T level=info msg=\"it runs\" port=12015 ok=true x=\"\"");
}

TEST(LogLine, EscapesHostileValues) {
  const std::string line =
      format_log_line(LogFormat::logfmt, LogLevel::warn, "T", "m",
                      {{"name", "a\nlevel=error \x1b[31m\xff\""}});
  EXPECT_EQ(
      line,
      R"(time=T level=warning msg=m name="a\nlevel=error \x1b[31m\xff\"")");
}

TEST(LogLine, IsJson) {
  EXPECT_EQ(format_log_line(LogFormat::json, LogLevel::error, "T", "m",
                            {{"name", "a\n\xff"}}),
            R"({"level":"error","msg":"m","name":"a\n\udcff","time":"T"})");
}

TEST(LogLine, ColoursTheLevelOnly) {
  EXPECT_EQ(
      format_log_line(LogFormat::logfmt, LogLevel::error, "T", "m", {}, true),
      "time=T level=\x1b[31merror\x1b[0m msg=m");
}

TEST(Log, CountsAndHoldsBackRepeats) {
  const LogCounts before = log_counts();
  log_setup(LogLevel::info, LogFormat::logfmt, false);
  // The log remembers its messages for as long as the process lives.
  static int run = 0;
  const std::string message = "repeats in run " + std::to_string(run++);
  testing::internal::CaptureStderr();
  for (int i = 0; i < 25; ++i) log_warn(message);
  log_error("once in this test");
  log_debug("not shown");
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(split(text, '\n').size(), 10u + 1u + 1u) << text;
  EXPECT_EQ(log_counts().warnings - before.warnings, 25u);
  EXPECT_EQ(log_counts().errors - before.errors, 1u);
}

TEST(Log, WaitsForNobodyWhoDoesNotRead) {
  log_setup(LogLevel::info, LogFormat::logfmt, false);
  const std::uint64_t before = log_counts().left_out;
  test::FullPipe pipe;
  for (int i = 0; i < 3; ++i) log_info("nobody reads this");
  EXPECT_EQ(log_counts().left_out - before, 3u);
  EXPECT_EQ(pipe.read_all(), "");
  log_info("and now somebody does");
  const std::string text = pipe.read_all();
  EXPECT_NE(text.find("and now somebody does"), std::string::npos) << text;
  EXPECT_NE(text.find("count=3"), std::string::npos) << text;
}

TEST(Log, WritesALineLongerThanAPipeTakesAtOnce) {
  log_setup(LogLevel::info, LogFormat::logfmt, false);
  test::FullPipe pipe;
  pipe.read_all();
  const std::string value(20'000, 'x');
  log_info("long", {{"value", value}});
  EXPECT_NE(pipe.read_all().find(value + "\n"), std::string::npos);
}

TEST(Log, ObeysItsLevel) {
  log_setup(LogLevel::error, LogFormat::logfmt, false);
  testing::internal::CaptureStderr();
  log_info("quiet");
  log_warn("quiet too");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  log_setup(LogLevel::info, LogFormat::logfmt, false);
}

TEST(LogNames, AreChecked) {
  EXPECT_EQ(*log_level_from("warn"), LogLevel::warn);
  EXPECT_FALSE(log_level_from("loud"));
  EXPECT_EQ(*log_format_from("json"), LogFormat::json);
  EXPECT_FALSE(log_format_from("xml"));
}

TEST(Printable, EscapesOnlyWhatDeceives) {
  EXPECT_EQ(printable("plain \"é\" \\"), "plain \"é\" \\");
  EXPECT_EQ(printable("a\n\x1b\xff\u202e"), "a\\n\\x1b\\xff\\u202e");
}

}  // namespace
}  // namespace stillframe
