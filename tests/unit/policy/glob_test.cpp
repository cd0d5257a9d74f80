// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/glob.h"

#include <gtest/gtest.h>

#include <chrono>

namespace stillframe::policy {
namespace {

struct Case {
  std::string pattern;
  std::string text;
  bool matches;
};

TEST(PathGlob, MatchesByComponents) {
  const std::vector<Case> cases = {
      {"/tmp/**", "/tmp", true},
      {"/tmp/**", "/tmp/a/b", true},
      {"/tmp/**", "/tmpfoo", false},
      {"/tmp/**", "/a/tmp", false},
      {"/tmp/*", "/tmp", false},
      {"/tmp/*", "/tmp/a", true},
      {"/tmp/*", "/tmp/a/b", false},
      {"/a/**/z", "/a/z", true},
      {"/a/**/z", "/a/b/c/z", true},
      {"/a/**/z", "/a/b/c/zz", false},
      {"/a/**/z/**", "/a/z/z", true},
      {"/a/**/b/**/c", "/a/b/x/b/c", true},
      {"/a/**/b/**/c", "/a/x/c", false},
      {"/**", "/", true},
      {"/**", "/x", true},
      {"/", "/", true},
      {"/", "/x", false},
      {"/**/__pycache__/*.pyc", "/app/x/__pycache__/m.pyc", true},
      {"/**/__pycache__/*.pyc", "/app/x/__pycache__/m.so", false},
      {"/v/l?g", "/v/log", true},
      {"/v/l?g", "/v/l/g", false},
      {"/v/[a-c]x", "/v/bx", true},
      {"/v/[!a-c]x", "/v/bx", false},
      {"/v/[^a-c]x", "/v/dx", true},
      {"/v/[]]", "/v/]", true},
      {"/v/[a-]", "/v/-", true},
      {"/v/\\*", "/v/*", true},
      {"/v/\\*", "/v/a", false},
      {"/v/a*b*c", "/v/aXbYbZc", true},
      {"/v/a*b*c", "/v/aXbYbZ", false},
      {"/v/*", std::string("/v/\xff\n\x1b"), true},
      {"/v/?", "/v/\xff", true},
      {"/v/**", "/v/../etc/passwd", false},
      {"/v/**", "/v/..", false},
      {"/v/**", "/v/..x", true},
      {"/v/**", "v/x", false},
      {"/v/**", "", false},
  };
  for (const auto& c : cases) {
    const auto glob = PathGlob::compile(c.pattern);
    ASSERT_TRUE(glob) << c.pattern;
    EXPECT_EQ(glob->matches(c.text), c.matches) << c.pattern << " " << c.text;
  }
}

TEST(TextGlob, TakesSlashesToo) {
  const std::vector<Case> cases = {
      {"docker.io/library/postgres:*", "docker.io/library/postgres:16", true},
      {"*/postgres:*", "docker.io/library/postgres:16", true},
      {"*postgres*", "docker.io/library/postgres-exporter:1", true},
      {"postgres:*", "docker.io/library/postgres:16", false},
      {"", "", true},
      {"", "x", false},
  };
  for (const auto& c : cases) {
    const auto glob = TextGlob::compile(c.pattern);
    ASSERT_TRUE(glob) << c.pattern;
    EXPECT_EQ(glob->matches(c.text), c.matches) << c.pattern << " " << c.text;
  }
}

TEST(PathGlob, RefusesWhatItCannotMean) {
  const std::vector<std::pair<std::string, int>> cases = {
      {"", 0},         {"tmp", 0},      {"/a//b", 2},  {"/a/", 2},
      {"/a/../b", 3},  {"/./a", 1},     {"/a**", 2},   {"/a/[b", 3},
      {"/a/[z-a]", 4}, {"/a/{b,c}", 3}, {"/a/b\\", 4}, {"/a/[b/c]", 3},
  };
  for (const auto& [pattern, offset] : cases) {
    const auto glob = PathGlob::compile(pattern);
    ASSERT_FALSE(glob) << pattern;
    EXPECT_EQ(glob.error().code, offset) << pattern;
  }
}

// Backtracking without bounds would take longer than the universe lasts.
TEST(PathGlob, IsQuickOnHostilePaths) {
  std::string stars = "/";
  for (int i = 0; i < 200; ++i) stars += "a*";
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "/**/a";
  std::string components;
  for (int i = 0; i < 2000; ++i) components += "/a";
  const auto one = PathGlob::compile(stars + "b");
  const auto two = PathGlob::compile(deep + "/b");
  ASSERT_TRUE(one && two);
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_FALSE(one->matches("/" + std::string(4000, 'a')));
  EXPECT_FALSE(two->matches(components));
  EXPECT_TRUE(two->matches(components + "/b"));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
}

TEST(PathGlob, KnowsWhatItCovers) {
  const auto covers = [](const char* a, const char* b) {
    return PathGlob::compile(a)->covers(*PathGlob::compile(b));
  };
  EXPECT_TRUE(covers("/tmp/**", "/tmp/x"));
  EXPECT_TRUE(covers("/tmp/**", "/tmp"));
  EXPECT_TRUE(covers("/tmp/**", "/tmp/*/x/**"));
  EXPECT_TRUE(covers("/**", "/anything/**"));
  EXPECT_TRUE(covers("/a/*/**", "/a/b/c"));
  EXPECT_TRUE(covers("/a/*.log", "/a/*.log"));
  EXPECT_FALSE(covers("/tmp/**", "/t*/x"));
  EXPECT_FALSE(covers("/tmp/**", "/**"));
  EXPECT_FALSE(covers("/tmp/x", "/tmp/**"));
  EXPECT_FALSE(covers("/tmp/**", "/"));
}

TEST(Globs, EscapedTextMatchesItselfAlone) {
  const std::string text = "/a*b?[c]{d}\\e";
  const auto glob = PathGlob::compile(escape_glob(text));
  ASSERT_TRUE(glob);
  EXPECT_TRUE(glob->matches(text));
  EXPECT_FALSE(glob->matches("/aXb?[c]{d}\\e"));
}

}  // namespace
}  // namespace stillframe::policy
