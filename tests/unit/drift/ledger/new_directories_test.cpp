// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/new_directories.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace stillframe::drift {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr InodeId kRoot{2, 1};
constexpr InodeId kEtc{10, 1};
constexpr InodeId kA{20, 0};
constexpr InodeId kB{21, 0};

class Made : public ::testing::Test {
 protected:
  // The root, /etc, and what is given.
  void scan(std::vector<std::pair<InodeId, std::string>> in_etc = {}) {
    ScanResult result;
    result.root = kRoot;
    result.entries = {directory(kRoot, {}, ""), directory(kEtc, kRoot, "etc")};
    for (auto& [inode, name] : in_etc) {
      result.entries.push_back(directory(inode, kEtc, name));
    }
    tree.apply(result);
  }
  static Entry directory(InodeId inode, InodeId parent, std::string name) {
    Entry e;
    e.inode = inode;
    e.parent = parent;
    e.name = std::move(name);
    e.mode = S_IFDIR | 0755;
    return e;
  }
  UpperTree tree;
  InodeId root = kRoot;
  NewDirectories made{tree, root};
};

TEST_F(Made, PathsAreKnownBeforeTheTreeHasThem) {
  EXPECT_EQ(made.path_in(kRoot, "x"), "/x");  // no scan yet
  scan();
  ASSERT_TRUE(made.add(kA, kEtc, "a", 5));
  ASSERT_TRUE(made.add(kB, kA, "b", 6));
  EXPECT_EQ(made.path_in(kB, "x"), "/etc/a/b/x");
  EXPECT_EQ(made.path_in(kRoot, "x"), "/x");
  EXPECT_EQ(made.path_in({99, 0}, "x"), "");
  EXPECT_EQ(made.known_above(kB), kEtc);
  EXPECT_EQ(made.known_above({99, 0}), InodeId{});
}

TEST_F(Made, OnesThatMadeEachOtherEndSomewhere) {
  scan();
  ASSERT_TRUE(made.add(kA, kB, "a", 5));
  ASSERT_TRUE(made.add(kB, kA, "b", 6));
  EXPECT_EQ(made.path_in(kB, "x"), "");
  EXPECT_EQ(made.known_above(kB), InodeId{});
}

struct Case {
  std::string name;
  bool in_tree = false;
  std::uint64_t scanned = 10;
  bool looked_at = true;
  bool gone = false;
  bool waits = false;
};

class AfterAScan : public Made, public ::testing::WithParamInterface<Case> {};

TEST_P(AfterAScan, OneIsKnownOrGoneOrWaits) {
  const auto& c = GetParam();
  scan();
  ASSERT_TRUE(made.add(kA, kEtc, "a", 5));
  if (c.in_tree) scan({{kA, "a"}});
  const auto gone =
      made.settle(c.scanned, [&](const InodeId&) { return c.looked_at; });
  if (c.gone) {
    EXPECT_THAT(gone, ElementsAre(kA));
  } else {
    EXPECT_THAT(gone, IsEmpty());
  }
  EXPECT_EQ(made.has(kA), c.waits);
}

INSTANTIATE_TEST_SUITE_P(
    Each, AfterAScan,
    ::testing::Values(
        Case{.name = "in_the_tree", .in_tree = true},
        Case{.name = "gone", .gone = true},
        Case{.name = "made_after_the_scan", .scanned = 4, .waits = true},
        Case{.name = "not_looked_at", .looked_at = false, .waits = true}),
    [](const auto& info) { return info.param.name; });

TEST_F(Made, AreBounded) {
  scan();
  for (std::uint64_t i = 0; i < NewDirectories::kMax; ++i) {
    ASSERT_TRUE(made.add({1000 + i, 0}, kEtc, "a", 5));
  }
  EXPECT_FALSE(made.add({7, 0}, kEtc, "a", 5));
  EXPECT_EQ(made.size(), NewDirectories::kMax);
}

}  // namespace
}  // namespace stillframe::drift
