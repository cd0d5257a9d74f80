// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/directory_paths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace stillframe::drift {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr InodeId kRoot{2, 1};
constexpr InodeId kEtc{10, 1};
constexpr InodeId kTmp{11, 1};
constexpr InodeId kA{20, 3};
constexpr InodeId kB{21, 3};
constexpr InodeId kWork{90, 1};  // overlay's work directory: nowhere

Entry directory(InodeId inode, InodeId parent, std::string name) {
  Entry e;
  e.inode = inode;
  e.parent = parent;
  e.name = std::move(name);
  e.mode = S_IFDIR | 0755;
  return e;
}

class Paths : public ::testing::Test {
 protected:
  // The root, /etc, /tmp, and what is given.
  void scan(const std::vector<Entry>& more = {}) {
    ScanResult result;
    result.root = kRoot;
    result.entries = {directory(kRoot, {}, ""), directory(kEtc, kRoot, "etc"),
                      directory(kTmp, kRoot, "tmp")};
    result.entries.insert(result.entries.end(), more.begin(), more.end());
    started += 10;
    paths.vanished(tree.apply(result).vanished, started);
    gone = paths.settle(started, [this](const InodeId&) { return looked_at; });
  }
  bool seen(InodeId inode, InodeId parent, const std::string& name) {
    return paths.seen(inode, parent, name, started + 1);
  }
  void removed(InodeId inode, InodeId parent, const std::string& name) {
    paths.removed(inode, parent, name, started + 2);
  }
  std::string in(InodeId parent) const { return paths.path_in(parent, "x"); }

  UpperTree tree;
  InodeId root = kRoot;
  DirectoryPaths paths{tree, root};
  std::uint64_t started = 0;
  bool looked_at = true;
  std::vector<InodeId> gone;  // by the latest scan
};

TEST_F(Paths, AreKnownBeforeTheTreeHasThem) {
  EXPECT_EQ(in(kRoot), "/x");  // no scan yet
  scan();
  ASSERT_TRUE(seen(kA, kEtc, "a"));
  ASSERT_TRUE(seen(kB, kA, "b"));
  EXPECT_EQ(in(kB), "/etc/a/b/x");
  EXPECT_EQ(in(kRoot), "/x");
  EXPECT_EQ(in({99, 0}), "");
  EXPECT_EQ(in({}), "");
  EXPECT_EQ(paths.known_above(kB), kEtc);
  EXPECT_EQ(paths.known_above({99, 0}), InodeId{});
}

TEST_F(Paths, AreKnownOnceWhatIsAboveIs) {
  ASSERT_TRUE(seen(kA, kEtc, "a"));
  EXPECT_EQ(in(kA), "");
  removed(kA, kEtc, "a");
  scan();
  EXPECT_EQ(in(kA), "/etc/a/x");
}

// Each way in which a directory comes to be gone.
struct Going {
  std::string name;
  bool by_event = false;  // its making was seen
  bool scanned = false;   // it was there in a scan
  bool removal = false;   // its removal was seen
};

class AGoneOne : public Paths, public ::testing::WithParamInterface<Going> {};

TEST_P(AGoneOne, KeepsItsPath) {
  const auto& c = GetParam();
  scan();
  if (c.by_event) {
    seen(kA, kTmp, "a");
    seen(kB, kA, "b");
  }
  if (c.scanned) scan({directory(kA, kTmp, "a"), directory(kB, kA, "b")});
  if (c.removal) {
    removed(kB, kA, "b");
    removed(kA, kTmp, "a");
  }
  EXPECT_EQ(in(kB), "/tmp/a/b/x");
  scan();
  EXPECT_EQ(in(kB), "/tmp/a/b/x");
  scan();
  EXPECT_EQ(in(kB), "/tmp/a/b/x");
  EXPECT_FALSE(paths.is_new(kA));
}

INSTANTIATE_TEST_SUITE_P(
    Each, AGoneOne,
    ::testing::Values(
        Going{.name = "made", .by_event = true},
        Going{.name = "made_and_removed", .by_event = true, .removal = true},
        Going{.name = "scanned", .scanned = true},
        Going{.name = "scanned_and_removed", .scanned = true, .removal = true},
        Going{.name = "removed", .removal = true},
        Going{
            .name = "all", .by_event = true, .scanned = true, .removal = true}),
    [](const auto& info) { return info.param.name; });

TEST_F(Paths, OfOneThatMovedAreTheNewOnes) {
  scan({directory(kA, kTmp, "a"), directory(kB, kA, "b")});
  ASSERT_TRUE(seen(kA, kEtc, "c"));
  EXPECT_EQ(in(kB), "/etc/c/b/x");
  looked_at = false;
  scan({directory(kA, kTmp, "a"), directory(kB, kA, "b")});
  EXPECT_EQ(in(kB), "/etc/c/b/x");  // the scan was before that
  looked_at = true;
  scan({directory(kA, kEtc, "d"), directory(kB, kA, "b")});
  EXPECT_EQ(in(kB), "/etc/d/b/x");
  EXPECT_FALSE(paths.is_new(kA));
}

TEST_F(Paths, AreNotThoseOfOverlaysWorkDirectory) {
  scan({directory(kA, kTmp, "a")});
  ASSERT_TRUE(seen(kA, kWork, "#1"));
  EXPECT_EQ(in(kA), "/tmp/a/x");
  ASSERT_TRUE(seen(kB, kA, "b"));
  ASSERT_TRUE(seen(kB, kWork, "#2"));
  removed(kB, kWork, "#2");
  EXPECT_EQ(in(kB), "/tmp/a/b/x");
}

TEST_F(Paths, OfAReusedNumberAreAnothersAndNotReported) {
  scan();
  ASSERT_TRUE(seen(kA, kTmp, "a"));
  removed(kA, kTmp, "a");
  EXPECT_EQ(in({kA.ino, 99}), "");
  ASSERT_TRUE(seen({kA.ino, 99}, kEtc, "b"));
  EXPECT_EQ(in({kA.ino, 99}), "/etc/b/x");
  EXPECT_EQ(in(kA), "");
}

TEST_F(Paths, OfOnesThatMadeEachOtherEndSomewhere) {
  scan();
  ASSERT_TRUE(seen(kA, kB, "a"));
  ASSERT_TRUE(seen(kB, kA, "b"));
  EXPECT_EQ(in(kB), "");
  EXPECT_EQ(paths.known_above(kB), InodeId{});
}

struct Case {
  std::string name;
  bool in_tree = false;
  bool late = false;
  bool looked_at = true;
  bool gone = false;
  bool waits = false;
};

class AfterAScan : public Paths, public ::testing::WithParamInterface<Case> {};

TEST_P(AfterAScan, OneIsKnownOrGoneOrWaits) {
  const auto& c = GetParam();
  scan();
  paths.seen(kA, kEtc, "a", started + (c.late ? 100 : 1));
  looked_at = c.looked_at;
  if (c.in_tree) {
    scan({directory(kA, kEtc, "a")});
  } else {
    scan();
  }
  if (c.gone) {
    EXPECT_THAT(gone, ElementsAre(kA));
  } else {
    EXPECT_THAT(gone, IsEmpty());
  }
  EXPECT_EQ(paths.is_new(kA), c.waits);
  EXPECT_EQ(in(kA), "/etc/a/x");
}

INSTANTIATE_TEST_SUITE_P(
    Each, AfterAScan,
    ::testing::Values(
        Case{.name = "in_the_tree", .in_tree = true},
        Case{.name = "gone", .gone = true},
        Case{.name = "made_after_the_scan", .late = true, .waits = true},
        Case{.name = "not_looked_at", .looked_at = false, .waits = true}),
    [](const auto& info) { return info.param.name; });

TEST_F(Paths, AreBoundedByTheirBytes) {
  scan();
  const std::string name(255, 'n');
  std::uint64_t made = 0;
  while (seen({1000 + made, 1}, kTmp, name)) ++made;
  EXPECT_GT(made, 10'000u);
  EXPECT_LE(paths.bytes(), DirectoryPaths::kMaxNewBytes);
  for (std::uint64_t i = 0; i < made; ++i) removed({1000 + i, 1}, kTmp, name);
  EXPECT_LE(paths.bytes(), DirectoryPaths::kMaxGoneBytes);
  EXPECT_EQ(in({1000, 1}), "");
  EXPECT_EQ(in({1000 + made - 1, 1}), "/tmp/" + name + "/x");
  started += DirectoryPaths::kMemoryNs;
  scan();
  EXPECT_EQ(paths.bytes(), 0u);
}

TEST_F(Paths, OfOneDirectoryDoNotCrowdOutThoseOfAnother) {
  scan();
  removed(kA, kEtc, "a");
  for (std::uint64_t i = 0; i < 50'000; ++i) {
    removed({1000 + i, 1}, kTmp, "t" + std::to_string(i));
  }
  EXPECT_EQ(in(kA), "/etc/a/x");
  EXPECT_LE(paths.bytes(), DirectoryPaths::kMaxGoneBytes);
}

}  // namespace
}  // namespace stillframe::drift
