// SPDX-License-Identifier: Apache-2.0
//
// What overlay shows without the upper directory holding it: directories of the
// image that were moved (redirect_dir), further names of files (index).
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "agent/base/fd.h"
#include "tests/unit/drift/scan/fixture.h"

namespace stillframe::drift::test {
namespace {

namespace fs = std::filesystem;

using Root = const std::string&;
using Lines = std::vector<std::string>;

void rename_to(const std::string& from, const std::string& to,
               unsigned flags = 0) {
  must(::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) == 0,
       from);
}

struct Move {
  std::string name;
  std::function<void(Root)> run;
  Lines lines;  // as a comparison of two trees prints them
};

const std::vector<Move>& moves() {
  static const std::vector<Move> all = {
      {"a directory with all below it",
       [](Root r) { rename_to(r + "/tree", r + "/moved"); },
       {"A /moved", "A /moved/a", "A /moved/x", "A /moved/x/y", "D /tree"}},
      {"and back again",
       [](Root r) {
         rename_to(r + "/tree", r + "/moved");
         rename_to(r + "/moved", r + "/tree");
       },
       {}},
      {"twice",
       [](Root r) {
         rename_to(r + "/tree", r + "/one");
         rename_to(r + "/one", r + "/d/two");
       },
       {"A /d/two", "A /d/two/a", "A /d/two/x", "A /d/two/x/y", "C /d",
        "D /tree"}},
      {"something below it moved on",
       [](Root r) {
         rename_to(r + "/tree", r + "/moved");
         rename_to(r + "/moved/x", r + "/x");
       },
       {"A /moved", "A /moved/a", "A /x", "A /x/y", "D /tree"}},
      {"changed, made and removed in it",
       [](Root r) {
         rename_to(r + "/tree", r + "/moved");
         append(r + "/moved/x/y", "more");
         put(r + "/moved/new", "");
         fs::remove(r + "/moved/a");
       },
       {"A /moved", "A /moved/new", "A /moved/x", "A /moved/x/y", "D /tree"}},
      {"two exchanged",
       [](Root r) { rename_to(r + "/tree", r + "/d", RENAME_EXCHANGE); },
       {"A /d/x", "A /d/x/y", "C /d", "C /d/a", "C /tree", "C /tree/a",
        "D /d/b", "D /tree/x", "A /tree/b"}},
      {"one in the place of another",
       [](Root r) {
         fs::remove_all(r + "/d");
         rename_to(r + "/tree", r + "/d");
       },
       {"A /d/x", "A /d/x/y", "C /d", "C /d/a", "D /d/b", "D /tree"}},
  };
  return all;
}

class MovedTest : public Layers {
 protected:
  void SetUp() override {
    make_dir(lower(2, "/tree/x"));
    put(lower(2, "/tree/x/y"), "y");
    put(lower(2, "/tree/a"), "of the tree");
    make_dir(lower(1, "/d"));
    put(lower(1, "/d/a"), "of d");
    put(lower(1, "/d/b"), "b");
    put(lower(1, "/f"), "one");
    put(lower(1, "/g"), "two");
    age_lowers();
    options_.redirects = true;
  }

  std::string mount(const std::string& options) {
    std::string root = mount_overlay(options);
    if (root.empty()) return root;
    options_.work = base_ + "/work";
    return root;
  }

  static Lines lines(const UpperTree& tree) {
    Lines out = tool_lines(tree, kPodman);
    std::sort(out.begin(), out.end());
    return out;
  }
};

#define MOUNTED(root, options)                                             \
  const std::string root = mount(options);                                 \
  if ((root).empty())                                                      \
  GTEST_SKIP() << "cannot mount overlay here: it takes CAP_SYS_ADMIN and " \
                  "the overlay module"

class MoveTest : public MovedTest,
                 public ::testing::WithParamInterface<std::size_t> {};

TEST_P(MoveTest, AllBelowIsShown) {
  const Move& one = moves()[GetParam()];
  SCOPED_TRACE(one.name);
  MOUNTED(root, "redirect_dir=on");
  Scanner scanner(layers(), {}, system_clock());
  UpperTree tree;
  tree.apply(scanner.scan({}));
  one.run(root);
  Lines expected = one.lines;
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(lines(scan_tree()), expected);
  // And by a look at the directories that are known.
  std::vector<PartialTask> tasks{{"", tree.root(), true, {}}};
  tree.apply(scanner.scan(tasks, {}));
  tree.for_each([&](const UpperTree::Place& at, const Entry& entry) {
    const std::string& path = at.path;
    if (entry.directory() && !entry.whiteout) {
      tasks.push_back({path, entry.inode, true, {}});
    }
  });
  const PartialResult part = scanner.scan(tasks, {});
  EXPECT_TRUE(part.complete);
  tree.apply(part);
  EXPECT_EQ(dump(tree), dump(scan_tree()));
}

INSTANTIATE_TEST_SUITE_P(All, MoveTest,
                         ::testing::Range(std::size_t{0}, moves().size()));

TEST_F(MovedTest, WhatCameAlongSaysWithWhat) {
  MOUNTED(root, "redirect_dir=on");
  rename_to(root + "/tree", root + "/moved");
  append(root + "/moved/x/y", "more");
  put(root + "/moved/new", "");
  const UpperTree tree = scan_tree();
  const InodeId moved = tree.find_path("/moved")->inode;
  EXPECT_FALSE(tree.find_path("/moved")->carrier());
  EXPECT_FALSE(tree.find_path("/moved/new")->carrier());
  EXPECT_EQ(tree.find_path("/moved/a")->carrier(), moved);
  EXPECT_EQ(tree.find_path("/moved/x/y")->carrier(), moved);
  EXPECT_TRUE(tree.find_path("/moved/a")->carried);
  EXPECT_FALSE(tree.find_path("/moved/x/y")->carried);
  EXPECT_EQ(tree.brought_by(*tree.find_path("/moved")).size(), 3u);
}

TEST_F(MovedTest, MoreThanTheLimitIsNotComplete) {
  for (int i = 0; i < 50; ++i) {
    put(lower(2, "/tree/x/" + std::to_string(i)), "");
  }
  MOUNTED(root, "redirect_dir=on");
  rename_to(root + "/tree", root + "/moved");
  ScanLimits limits;
  limits.max_entries = 20;
  const ScanResult result =
      Scanner(layers(), {}, system_clock(), limits).scan({});
  EXPECT_FALSE(result.complete);
}

struct Metadata {
  std::string name;
  std::function<void(Root)> run;
  std::string path;
  std::string differs;
};

TEST_F(MovedTest, AMetacopysBytesAreThoseOfItsOrigin) {
  const Metadata cases[] = {
      {"chmod", [](Root r) { must(::chmod((r + "/f").c_str(), 0600) == 0, r); },
       "/f", "mode"},
      {"moved away and back",
       [](Root r) {
         rename_to(r + "/f", r + "/f2");
         rename_to(r + "/f2", r + "/f");
       },
       "/f", ""},
      {"exchanged",
       [](Root r) { rename_to(r + "/f", r + "/g", RENAME_EXCHANGE); }, "/g",
       "content"},
      {"by way of another directory",
       [](Root r) {
         rename_to(r + "/f", r + "/d/f");
         rename_to(r + "/d/f", r + "/g");
       },
       "/g", "content"},
  };
  MOUNTED(root, "metacopy=on,redirect_dir=on");
  for (const Metadata& one : cases) {
    SCOPED_TRACE(one.name);
    ASSERT_EQ(::umount2(root.c_str(), 0), 0);
    for (const std::string& place : {upper(), base_ + "/work"}) {
      remove_tree(place);
      make_dir(place);
    }
    ASSERT_FALSE(mount("metacopy=on,redirect_dir=on").empty());
    one.run(root);
    const UpperTree tree = scan_tree();
    ASSERT_NE(tree.find_path(one.path), nullptr);
    EXPECT_EQ(bits(tree.find_path(one.path)->differs), one.differs);
  }
}

class LinkTest : public MovedTest {
 protected:
  void SetUp() override {
    MovedTest::SetUp();
    options_.redirects = false;
    make_dir(lower(2, "/far/off"));
    put(lower(2, "/h1"), "hard");
    for (const char* name : {"/h2", "/far/off/h3"}) {
      fs::create_hard_link(lower(2, "/h1"), lower(2, name));
    }
    age_lowers();
  }

  static std::string change_of(const UpperTree& tree, const std::string& path) {
    const Entry* entry = tree.find_path(path);
    if (entry == nullptr) return "nothing";
    return static_cast<char>(entry->change) + bits(entry->differs);
  }
};

TEST_F(LinkTest, AllNamesOfAFileShowItsChange) {
  MOUNTED(root, "index=on");
  append(root + "/h1", "more");
  const UpperTree tree = scan_tree();
  for (const char* name : {"/h1", "/h2", "/far/off/h3"}) {
    EXPECT_EQ(change_of(tree, name), "Ccontent time") << name;
  }
  EXPECT_EQ(tree.aliases(tree.find_path("/h1")->inode)->all.size(), 3u);
  EXPECT_EQ(tree.find_path("/far/off")->change, Change::none);
  EXPECT_EQ(tool_lines(tree, kPodman), Lines{"C /h1"});
}

TEST_F(LinkTest, NamesThatAreGoneOrAnotherFileAreNotOfIt) {
  MOUNTED(root, "index=on");
  append(root + "/far/off/h3", "more");
  fs::remove(root + "/h2");
  fs::remove(root + "/h1");
  put(root + "/h1", "hard");
  const UpperTree tree = scan_tree();
  EXPECT_EQ(change_of(tree, "/far/off/h3"), "Ccontent time");
  EXPECT_EQ(tree.find_path("/h2")->change, Change::deleted);
  EXPECT_EQ(change_of(tree, "/h1"), "Ctime");
}

TEST_F(LinkTest, WithoutTheIndexEachNameIsAFileOfItsOwn) {
  MOUNTED(root, "index=off");
  append(root + "/h1", "more");
  const UpperTree tree = scan_tree();
  EXPECT_EQ(change_of(tree, "/h1"), "Ccontent time");
  EXPECT_EQ(change_of(tree, "/h2"), "nothing");
}

TEST_F(LinkTest, PartialScansKeepTheNames) {
  MOUNTED(root, "index=on");
  Scanner scanner(layers(), {}, system_clock());
  UpperTree tree;
  tree.apply(scanner.scan({}));
  append(root + "/h1", "more");
  for (int i = 0; i < 2; ++i) {
    tree.apply(scanner.scan({{"", tree.root(), true, {}}}, {}));
    EXPECT_EQ(dump(tree), dump(scan_tree()));
  }
}

}  // namespace
}  // namespace stillframe::drift::test
