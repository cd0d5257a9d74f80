// SPDX-License-Identifier: Apache-2.0
#include "agent/model/shared_path.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace stillframe {
namespace {

TEST(SharedPath, IsItsText) {
  const auto a = SharedPath::directory(nullptr, "a");
  const auto b = SharedPath::directory(a, "b c");
  const auto moved = SharedPath::directory("/x/y");
  const struct {
    SharedPath path;
    std::string text;
  } cases[] = {
      {{}, ""},
      {"/", "/"},
      {"/etc/x", "/etc/x"},
      {{nullptr, "x"}, "/x"},
      {{a, "x"}, "/a/x"},
      {{b, "\xff"}, "/a/b c/\xff"},
      {{moved, "z"}, "/x/y/z"},
      {{SharedPath::directory("/"), "z"}, "/z"},
      {{SharedPath::directory(moved, "z"), "1"}, "/x/y/z/1"},
  };
  for (const auto& one : cases) {
    EXPECT_EQ(one.path.text(), one.text);
    EXPECT_EQ(one.path.size(), one.text.size());
    EXPECT_EQ(one.path.empty(), one.text.empty());
    for (const auto& other : cases) {
      EXPECT_EQ(one.path == other.text, one.text == other.text) << other.text;
    }
  }
  using Names = std::vector<std::string_view>;
  EXPECT_EQ(cases[5].path.names(), (Names{"a", "b c", "\xff"}));
  EXPECT_EQ(cases[8].path.names(), (Names{"x", "y", "z", "1"}));
  EXPECT_EQ(cases[2].path.names(), (Names{"etc", "x"}));
  EXPECT_EQ(SharedPath("//a/").names(), Names{"a"});
  EXPECT_TRUE(cases[0].path.names().empty());
  EXPECT_TRUE(cases[1].path.names().empty());
  const SharedPath path{b, "x"};
  for (const char* other : {"/a/b c/y", "/b/b c/x", "a/b c/x", "//a/b c/x"}) {
    EXPECT_FALSE(path == other) << other;
  }
}

// Deeper than a stack of calls could go.
TEST(SharedPath, OfAChainIsGivenBackStepByStep) {
  constexpr int kDepth = 300'000;
  std::vector<SharedPath> paths;
  SharedPath::DirectoryPtr at;
  for (int i = 0; i < kDepth; ++i) {
    paths.emplace_back(at, "d");
    at = SharedPath::directory(at, "d");
  }
  EXPECT_EQ(paths.back().size(), std::size_t{2 * kDepth});
  EXPECT_EQ(paths.back().own_bytes(), SharedPath("/d").own_bytes());
  const SharedPath half = paths[kDepth / 2];
  paths.clear();
  at.reset();
  EXPECT_EQ(half.size(), std::size_t{kDepth + 2});
}

}  // namespace
}  // namespace stillframe
