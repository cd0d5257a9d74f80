// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/drift/scan/fixture.h"

namespace stillframe::drift::test {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

constexpr std::uint32_t kDir = 0040755;
constexpr std::uint32_t kFile = 0100644;

Entry entry(std::uint64_t ino, std::uint64_t parent, std::string name,
            std::uint32_t mode, Change change) {
  Entry e;
  e.inode = {ino, ino == 0 ? 0u : 7u};
  e.parent = {parent, 7};
  e.name = std::move(name);
  e.mode = mode;
  e.change = e.shown_by_runtime = change;
  return e;
}

Entry root_entry() {
  Entry e = entry(1, 0, "", kDir, Change::none);
  e.parent = {};
  return e;
}

ScanResult result(std::deque<Entry> entries) {
  entries.insert(entries.begin(), root_entry());
  ScanResult out;
  out.root = entries.front().inode;
  out.entries = std::move(entries);
  return out;
}

PartialResult part_of(InodeId directory, std::vector<std::string> gone,
                      std::deque<Entry> entries) {
  PartialResult::Directory one;
  one.inode = directory;
  one.gone = std::move(gone);
  one.entries = std::move(entries);
  PartialResult out;
  out.directories.push_back(std::move(one));
  return out;
}

std::vector<std::string> paths(const UpperTree& tree) {
  std::vector<std::string> out;
  tree.for_each([&](const UpperTree::Place& at, const Entry&) {
    out.push_back(at.path);
  });
  return out;
}

TEST(UpperTreeTest, PathsOfDirectoriesAreThoseOfTheTree) {
  UpperTree tree;
  tree.apply(result({entry(2, 1, "a", kDir, Change::none),
                     entry(3, 2, "b", kDir, Change::none),
                     entry(4, 3, "c", kDir, Change::none),
                     entry(5, 3, "d", kDir, Change::none)}));
  UpperTree::Paths paths(tree);
  for (const std::uint64_t ino : {4, 2, 5, 3, 4}) {
    const InodeId inode = tree.find({ino, 0})->inode;
    EXPECT_EQ(paths.of(inode).text(), tree.path_of(inode)) << ino;
  }
  EXPECT_TRUE(paths.of(tree.root()).empty());
  EXPECT_TRUE(paths.of({99, 0}).empty());
}

TEST(UpperTreeTest, WhatIsMissingFromAnotherDirectoryInItsPlaceIsNews) {
  Entry gone = entry(0, 2, "child", kFile, Change::deleted);
  gone.whiteout = true;
  UpperTree tree;
  tree.apply(result({entry(2, 1, "dir", kDir, Change::none), gone}));
  Entry again = entry(2, 1, "dir", kDir, Change::none);
  again.inode.generation = gone.parent.generation = 8;
  const auto delta = tree.apply(result({again, gone}));
  EXPECT_EQ(delta.appeared.size(), 2u);
  EXPECT_THAT(tool_lines(tree, kPodman),
              UnorderedElementsAre("C /dir", "D /dir/child"));
}

TEST(UpperTreeTest, EmptyTreeAnswersNothing) {
  const UpperTree tree;
  EXPECT_TRUE(tree.empty());
  EXPECT_EQ(tree.find_path("/"), nullptr);
  EXPECT_EQ(tree.find(InodeId{1, 0}), nullptr);
  EXPECT_EQ(tree.path_of(InodeId{1, 0}), "");
  EXPECT_TRUE(tool_lines(tree, kPodman).empty());
}

TEST(UpperTreeTest, FindsByInodePathAndPlace) {
  UpperTree tree;
  tree.apply(result({entry(2, 1, "etc", kDir, Change::none),
                     entry(3, 2, "passwd", kFile, Change::changed)}));
  EXPECT_EQ(tree.root(), (InodeId{1, 7}));
  EXPECT_EQ(tree.path_of(InodeId{3, 7}), "/etc/passwd");
  EXPECT_EQ(tree.path_of(InodeId{3, 0}), "/etc/passwd");  // matches any
  EXPECT_EQ(tree.path_of(InodeId{3, 8}), "");
  EXPECT_EQ(tree.path_of(InodeId{1, 7}), "/");
  ASSERT_NE(tree.find(InodeId{2, 7}, "passwd"), nullptr);
  EXPECT_EQ(tree.path_of(*tree.find_path("/etc/passwd")), "/etc/passwd");
  EXPECT_EQ(tree.find_path("/etc/../etc"), nullptr);
  EXPECT_TRUE(tree.has_directory(InodeId{2, 7}));
  EXPECT_FALSE(tree.has_directory(InodeId{3, 7}));
}

TEST(UpperTreeTest, HardLinksGoByTheirFirstPath) {
  UpperTree tree;
  tree.apply(result({entry(5, 1, "z", kFile, Change::added),
                     entry(2, 1, "d", kDir, Change::none),
                     entry(5, 2, "x", kFile, Change::added),
                     entry(5, 1, "d-", kFile, Change::added)}));
  EXPECT_EQ(tree.path_of(InodeId{5, 7}), "/d/x");
  std::vector<std::string> aliases;
  const auto names = tree.aliases(InodeId{5, 7});
  for (const Entry* e : names->all) aliases.push_back(tree.path_of(*e));
  EXPECT_THAT(aliases, ElementsAre("/d/x", "/d-", "/z"));
  tree.apply(part_of({2, 7}, {"x"}, {}));
  EXPECT_EQ(tree.path_of(InodeId{5, 7}), "/d-");
}

// It was moved, and is back: by another name it was the container's own.
TEST(UpperTreeTest, ADirectoryThatIsTheImagesAgainIsNotAdded) {
  UpperTree tree;
  tree.apply(result({entry(2, 1, "d", kDir, Change::added)}));
  Entry back = entry(2, 1, "d", kDir, Change::none);
  back.differs.time = true;
  tree.apply(result({back}));
  EXPECT_EQ(tree.find_path("/d")->change, Change::changed);
}

TEST(UpperTreeTest, FullScanReplacesAll) {
  UpperTree tree;
  tree.apply(result({entry(2, 1, "a", kDir, Change::added),
                     entry(3, 2, "b", kFile, Change::added),
                     entry(4, 1, "c", kFile, Change::added)}));
  Entry changed = entry(4, 1, "c", kFile, Change::added);
  changed.ctime.ns = 5;
  const auto delta =
      tree.apply(result({changed, entry(9, 1, "a", kFile, Change::added)}));
  ASSERT_EQ(delta.appeared.size(), 1u);
  EXPECT_EQ(delta.appeared[0]->name, "a");
  ASSERT_EQ(delta.changed.size(), 1u);
  EXPECT_EQ(delta.changed[0]->name, "c");
  ASSERT_EQ(delta.vanished.size(), 2u);
  EXPECT_EQ(delta.vanished[0].first, "/a");
  EXPECT_EQ(delta.vanished[0].second.inode.ino, 2u);
  EXPECT_EQ(delta.vanished[1].first, "/a/b");
  EXPECT_THAT(paths(tree), ElementsAre("/a", "/c"));
  const auto again =
      tree.apply(result({changed, entry(9, 1, "a", kFile, Change::added)}));
  EXPECT_TRUE(again.appeared.empty() && again.changed.empty() &&
              again.vanished.empty());
}

TEST(UpperTreeTest, UnreadableUpperLeavesWhatWasKnown) {
  UpperTree tree;
  tree.apply(result({entry(2, 1, "a", kFile, Change::added)}));
  tree.apply(ScanResult{});
  EXPECT_EQ(tree.size(), 2u);
}

std::vector<std::string> vanished(const UpperTree::Delta& delta) {
  std::vector<std::string> out;
  for (const auto& [path, entry] : delta.vanished) out.push_back(path);
  return out;
}

// /d/{a,sub/{b,c}} and /e are known; a scan meets /d only.
TEST(UpperTreeTest, WhatCouldNotBeReadStays) {
  const std::deque<Entry> known = {entry(10, 1, "d", kDir, Change::added),
                                   entry(11, 10, "a", kFile, Change::added),
                                   entry(12, 10, "sub", kDir, Change::added),
                                   entry(13, 12, "b", kFile, Change::added),
                                   entry(14, 12, "c", kFile, Change::added),
                                   entry(15, 1, "e", kFile, Change::added)};
  struct Case {
    const char* what;
    std::vector<Unread> unread;
    bool exhausted;
    std::vector<std::string> vanished;
  };
  const std::vector<Case> cases = {
      {"all was read",
       {},
       false,
       {"/d/a", "/d/sub", "/d/sub/b", "/d/sub/c", "/e"}},
      {"a name in /d",
       {{{10, 7}, "a"}},
       false,
       {"/d/sub", "/d/sub/b", "/d/sub/c", "/e"}},
      {"a directory in /d", {{{10, 7}, "sub"}}, false, {"/d/a", "/e"}},
      {"the rest of /d", {{{10, 0}, ""}}, false, {"/e"}},
      {"the rest of the root",
       {{{1, 7}, ""}},
       false,
       {"/d/a", "/d/sub", "/d/sub/b", "/d/sub/c"}},
      {"somewhere unknown",
       {{{99, 7}, ""}, {{10, 7}, "zz"}},
       false,
       {"/d/a", "/d/sub", "/d/sub/b", "/d/sub/c", "/e"}},
      {"descriptors ran out", {}, true, {}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    UpperTree tree;
    tree.apply(result(known));
    ScanResult scan = result({entry(10, 1, "d", kDir, Change::added)});
    scan.complete = c.unread.empty() && !c.exhausted;
    scan.unread = c.unread;
    scan.exhausted = c.exhausted;
    EXPECT_THAT(vanished(tree.apply(scan)),
                testing::UnorderedElementsAreArray(c.vanished));
    EXPECT_EQ(tree.size(), 7 - c.vanished.size());
  }
}

TEST(UpperTreeTest, NoNameIsGoneWhereDescriptorsRanOut) {
  for (const bool exhausted : {false, true}) {
    UpperTree tree;
    tree.apply(result({entry(10, 1, "d", kDir, Change::added),
                       entry(11, 10, "a", kFile, Change::added)}));
    PartialResult part = part_of({10, 7}, {"a"}, {});
    part.exhausted = exhausted;
    EXPECT_EQ(tree.apply(part).vanished.size(), exhausted ? 0u : 1u);
  }
}

// What was in a directory is not in the one that took its place, even if that
// one could not be read.
TEST(UpperTreeTest, AnotherUnreadDirectoryInItsPlaceInheritsNothing) {
  UpperTree tree;
  tree.apply(result({entry(10, 1, "d", kDir, Change::added),
                     entry(11, 10, "a", kFile, Change::added)}));
  ScanResult scan = result({entry(20, 1, "d", kDir, Change::added)});
  scan.unread = {{{20, 7}, ""}};
  EXPECT_THAT(vanished(tree.apply(scan)), ElementsAre("/d", "/d/a"));
  EXPECT_EQ(tree.size(), 2u);
}

TEST(UpperTreeTest, WhatWasComparedPartlyStaysAsItWas) {
  UpperTree tree;
  Entry full = entry(10, 1, "f", kFile, Change::changed);
  full.differs.content = full.differs.xattr = true;
  tree.apply(result({full}));
  Entry partly = full;
  partly.differs.xattr = false;
  partly.partly = true;
  const auto delta = tree.apply(result({partly}));
  EXPECT_TRUE(delta.changed.empty());
  EXPECT_TRUE(delta.vanished.empty());
  EXPECT_TRUE(tree.find_path("/f")->differs.xattr);
  // Of one that is not known, it is all there is.
  UpperTree other;
  EXPECT_EQ(other.apply(result({partly})).appeared.size(), 2u);
}

TEST(UpperTreeTest, EntriesWithoutParentsAreLeftOut) {
  UpperTree tree;
  tree.apply(result({entry(2, 99, "a", kFile, Change::added)}));
  EXPECT_EQ(tree.size(), 1u);
}

TEST(UpperTreeTest, DirectoryCannotBecomeItsOwnDescendant) {
  UpperTree tree;
  tree.apply(result({entry(2, 1, "a", kDir, Change::added),
                     entry(3, 2, "b", kDir, Change::added)}));
  tree.apply(part_of({3, 7}, {}, {entry(2, 3, "a", kDir, Change::added)}));
  EXPECT_THAT(paths(tree), ElementsAre("/a", "/a/b", "/a/b/a"));
}

TEST(RuntimeDiffTest, DirectoriesAboveAddedAndDeletedAreChanged) {
  UpperTree tree;
  tree.apply(result({entry(2, 1, "a", kDir, Change::none),
                     entry(3, 2, "b", kDir, Change::none),
                     entry(4, 3, "new", kFile, Change::added),
                     entry(5, 1, "c", kDir, Change::none),
                     entry(6, 5, "changed", kFile, Change::changed)}));
  EXPECT_THAT(
      tool_lines(tree, kPodman),
      UnorderedElementsAre("C /a", "C /a/b", "A /a/b/new", "C /c/changed"));
  EXPECT_FALSE(runtime_shows(tree, kPodman, "/c", *tree.find_path("/c")));
  EXPECT_TRUE(runtime_shows(tree, kPodman, "/a", *tree.find_path("/a")));
  tree.apply(part_of({3, 7}, {"new"}, {}));
  EXPECT_THAT(tool_lines(tree, kPodman), ElementsAre("C /c/changed"));
}

TEST(RuntimeDiffTest, PodmanHidesItsOwnAndOnlyThose) {
  UpperTree tree;
  tree.apply(result({entry(2, 1, "etc", kDir, Change::none),
                     entry(3, 2, "mtab", kFile, Change::added),
                     entry(4, 1, "run", kDir, Change::changed),
                     entry(5, 4, ".containerenv", kFile, Change::added),
                     entry(6, 4, "mine", kFile, Change::added)}));
  EXPECT_THAT(tool_lines(tree, kPodman),
              UnorderedElementsAre("C /etc", "A /run/mine"));
  EXPECT_EQ(tool_lines(tree, kNoTool).size(), 5u);
  EXPECT_FALSE(
      runtime_shows(tree, kPodman, "/etc/mtab", *tree.find_path("/etc/mtab")));
  EXPECT_TRUE(
      runtime_shows(tree, kDocker, "/etc/mtab", *tree.find_path("/etc/mtab")));
}

TEST(RuntimeDiffTest, DockerGoesByStat) {
  Entry copied = entry(3, 2, "copied", kFile, Change::changed);
  Entry owned = entry(4, 2, "owned", kFile, Change::changed);
  owned.stat_differs = true;
  Entry pointless = entry(5, 2, "pointless", kFile, Change::none);
  pointless.whiteout = true;
  pointless.shown_by_runtime = Change::deleted;
  UpperTree tree;
  tree.apply(
      result({entry(2, 1, "d", kDir, Change::none), copied, owned, pointless}));
  EXPECT_THAT(tool_lines(tree, kDocker),
              UnorderedElementsAre("C /d", "C /d/owned"));
  EXPECT_THAT(tool_lines(tree, kPodman),
              UnorderedElementsAre("C /d", "C /d/copied", "C /d/owned",
                                   "D /d/pointless"));
}

}  // namespace
}  // namespace stillframe::drift::test
