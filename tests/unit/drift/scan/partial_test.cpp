// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "tests/unit/drift/scan/fixture.h"

namespace stillframe::drift::test {
namespace {

namespace fs = std::filesystem;

class PartialTest : public Layers {
 protected:
  void SetUp() override {
    make_dir(lower(0, "/d"));
    put(lower(0, "/d/image"), "x");
    age_lowers();
    make_dir(upper("/d/sub"));
    put(upper("/d/a"), "a");
    put(upper("/d/b"), "b");
    put(upper("/d/sub/c"), "c");
    tree_.apply(scanner_.scan({}));
  }

  InodeId inode(const std::string& path) const {
    const Entry* entry = tree_.find_path(path);
    return entry ? entry->inode : InodeId{};
  }
  PartialResult look(const std::vector<PartialTask>& tasks) {
    return scanner_.scan(tasks, {});
  }
  PartialTask names(const std::string& path, std::vector<std::string> names) {
    return {path, inode(path), false, std::move(names)};
  }
  PartialTask full(const std::string& path) {
    return {path, inode(path), true, {}};
  }
  void expect_as_full_scan() { EXPECT_EQ(dump(tree_), dump(scan_tree())); }

  Scanner scanner_{layers(), {}, system_clock()};
  UpperTree tree_;
};

std::vector<std::string> names_of(const std::vector<const Entry*>& entries) {
  std::vector<std::string> out;
  for (const Entry* entry : entries) out.push_back(entry->name);
  std::sort(out.begin(), out.end());
  return out;
}

using Names = std::vector<std::string>;

TEST_F(PartialTest, LooksAtNoOtherNames) {
  put(upper("/d/new"), "n");
  put(upper("/d/other"), "o");
  const PartialResult result = look({names("/d", {"new", "absent"})});
  ASSERT_EQ(result.directories.size(), 1u);
  EXPECT_FALSE(result.directories[0].stale);
  EXPECT_EQ(result.directories[0].gone, Names{"absent"});
  EXPECT_EQ(result.directories[0].self.name, "d");
  const auto delta = tree_.apply(result);
  EXPECT_EQ(names_of(delta.appeared), Names{"new"});
  EXPECT_EQ(tree_.find_path("/d/other"), nullptr);
}

TEST_F(PartialTest, GoneDirectoryTakesAllBelowItAlong) {
  remove_tree(upper("/d/sub"));
  const auto delta = tree_.apply(look({names("/d", {"sub"})}));
  ASSERT_EQ(delta.vanished.size(), 2u);
  EXPECT_EQ(delta.vanished[0].first, "/d/sub");
  EXPECT_EQ(delta.vanished[1].first, "/d/sub/c");
  expect_as_full_scan();
}

TEST_F(PartialTest, WholeDirectoryDropsWhatIsNotListed) {
  fs::remove(upper("/d/a"));
  put(upper("/d/b"), "longer");
  const auto delta = tree_.apply(look({full("/d")}));
  ASSERT_EQ(delta.vanished.size(), 1u);
  EXPECT_EQ(delta.vanished[0].first, "/d/a");
  EXPECT_EQ(names_of(delta.changed), (Names{"b", "d"}));
  expect_as_full_scan();
}

TEST_F(PartialTest, NewDirectoryIsFollowedAllTheWay) {
  make_dir(upper("/d/n/o/p"));
  put(upper("/d/n/o/p/q"), "q");
  const auto delta = tree_.apply(look({names("/d", {"n"})}));
  EXPECT_EQ(names_of(delta.appeared), (Names{"n", "o", "p", "q"}));
  expect_as_full_scan();
}

TEST_F(PartialTest, KnownDirectoryIsNotEntered) {
  put(upper("/d/sub/late"), "x");
  tree_.apply(look({names("/d", {"sub"})}));
  EXPECT_EQ(tree_.find_path("/d/sub/late"), nullptr);
  tree_.apply(look({full("/d/sub")}));
  expect_as_full_scan();
}

// It was dropped from the tree with all below it, and is news when it is back,
// although it is the same directory at the same place.
TEST_F(PartialTest, DirectoryThatWasAwayIsEnteredWhenItIsBack) {
  for (const bool all : {false, true}) {
    SCOPED_TRACE(all);
    const auto look_at_d = [&](const std::string& name) {
      tree_.apply(look({all ? full("/d") : names("/d", {name})}));
    };
    fs::rename(upper("/d/sub"), base_ + "/away");
    look_at_d("sub");
    EXPECT_EQ(tree_.find_path("/d/sub"), nullptr);
    fs::rename(base_ + "/away", upper("/d/sub"));
    look_at_d("sub");
    expect_as_full_scan();
    // Another one takes its place for a while.
    make_dir(base_ + "/other");
    fs::rename(upper("/d/sub"), base_ + "/away");
    fs::rename(base_ + "/other", upper("/d/sub"));
    look_at_d("sub");
    remove_tree(upper("/d/sub"));
    fs::rename(base_ + "/away", upper("/d/sub"));
    look_at_d("sub");
    expect_as_full_scan();
  }
}

// A part that is large enough ends there, and the next ones find the same.
class InSmallParts : public PartialTest {
 protected:
  void SetUp() override {
    PartialTest::SetUp();
    small_tree_.apply(small_.scan({}));
  }
  // Follows up what each leaves; returns how many parts that took.
  int look_on(std::vector<PartialTask> tasks) {
    int parts = 0;
    while (!tasks.empty()) {
      const PartialResult part = small_.scan(tasks, {});
      EXPECT_TRUE(part.complete);
      tasks.erase(tasks.begin(),
                  tasks.begin() + static_cast<long>(part.directories.size()));
      small_tree_.apply(part);
      for (const InodeId& later : part.later) {
        tasks.push_back({small_tree_.path_of(later), later, true, {}});
      }
      ++parts;
    }
    return parts;
  }
  PartialTask all_of(const std::string& path) {
    return {path, small_tree_.find_path(path)->inode, true, {}};
  }
  void expect_all() { EXPECT_EQ(dump(small_tree_), dump(scan_tree())); }

  Scanner small_{layers(), {}, system_clock(), {.enough_entries = 2}};
  UpperTree small_tree_;
};

TEST_F(InSmallParts, NewDirectoriesAreLeftForTheNext) {
  for (const std::string name : {"/d/n", "/d/o", "/d/o/p", "/d/o/p/q"}) {
    make_dir(upper(name));
    put(upper(name + "/x"), "x");
    put(upper(name + "/y"), "y");
  }
  EXPECT_GT(look_on({all_of("/d")}), 2);
  expect_all();
}

TEST_F(InSmallParts, SoAreTheOtherTasks) {
  for (const char* name : {"/d/1", "/d/2", "/d/3", "/d/sub/1"}) {
    put(upper(name), "x");
  }
  EXPECT_EQ(look_on({all_of("/d"), all_of("/d/sub")}), 2);
  expect_all();
}

// What is below it is compared with what the image has there.
TEST_F(InSmallParts, OneThatCameFromElsewhereIsFollowedAtOnce) {
  make_dir(upper("/d/sub/deep"));
  put(upper("/d/sub/deep/x"), "x");
  look_on({all_of("/d/sub")});
  for (const char* name : {"/1", "/2", "/3"}) put(upper(name), "x");
  fs::rename(upper("/d/sub"), upper("/moved"));
  EXPECT_EQ(look_on({all_of("/")}), 1);
  expect_all();
}

TEST_F(PartialTest, ReportsNothingOnceAskedToStop) {
  std::stop_source stop;
  stop.request_stop();
  put(upper("/d/sub/late"), "x");
  const PartialResult part =
      scanner_.scan({names("/d", {"sub"})}, stop.get_token());
  EXPECT_TRUE(part.stopped);
  EXPECT_FALSE(part.complete);
  EXPECT_TRUE(part.directories.empty());
  const ScanResult all = scanner_.scan(stop.get_token());
  EXPECT_TRUE(all.stopped);
  EXPECT_FALSE(all.complete);
  EXPECT_TRUE(all.entries.empty());
  // Its result was not taken in: the next one holds everything that it meets.
  tree_.apply(look({names("/d", {"sub"})}));
  EXPECT_NE(tree_.find_path("/d/sub/late"), nullptr);
}

TEST_F(PartialTest, RenamedDirectoryIsMovedAndComparedAnew) {
  fs::rename(upper("/d/sub"), upper("/moved"));
  make_dir(lower(0, "/moved"));
  put(lower(0, "/moved/c"), "C");
  // Only the new place is looked at: the old one goes by itself.
  const auto delta = tree_.apply(look({names("", {"moved"})}));
  EXPECT_EQ(tree_.find_path("/d/sub"), nullptr);
  ASSERT_NE(tree_.find_path("/moved/c"), nullptr);
  EXPECT_EQ(tree_.find_path("/moved/c")->change, Change::changed);
  EXPECT_EQ(delta.vanished.size(), 1u);
  tree_.apply(look({names("/d", {"sub"})}));
  expect_as_full_scan();
}

TEST_F(PartialTest, AnotherDirectoryUnderTheNameIsStale) {
  const PartialTask task = full("/d/sub");
  fs::rename(upper("/d/sub"), upper("/kept"));
  make_dir(upper("/d/sub"));
  put(upper("/d/sub/evil"), "x");
  const PartialResult result = look({task});
  EXPECT_TRUE(result.directories[0].stale);
  EXPECT_TRUE(result.directories[0].entries.empty());
  const auto delta = tree_.apply(result);
  EXPECT_TRUE(delta.appeared.empty());
}

TEST_F(PartialTest, InWhateverOrderDirectoriesAreLookedAt) {
  const Names chain = {"/d",
                       "/d/sub",
                       "/d/sub/1",
                       "/d/sub/1/2",
                       "/d/sub/1/2/3",
                       "/d/sub/1/2/3/4",
                       "/d/sub/1/2/3/4/5",
                       "/d/sub/1/2/3/4/5/6"};
  Names all = chain;
  for (const char* aside : {"/d/beside", "/d/sub/1/beside", "/e"}) {
    all.emplace_back(aside);
  }
  for (const auto& path : all) fs::create_directories(upper(path));
  tree_.apply(scanner_.scan({}));
  const Names orders[] = {
      chain,
      {chain.rbegin(), chain.rend()},
      all,
      {"/d/sub/1/2/3/4/5/6", "/e", "/d/sub/1/2/3/4/5", "/d/sub/1/beside", "",
       "/d/sub/1/2", "/d/beside", "/d/sub/1/2/3/4/5/6", "/d/sub/1"},
  };
  int round = 0;
  for (const Names& order : orders) {
    const std::string name = "new" + std::to_string(round++);
    std::vector<PartialTask> tasks;
    for (const auto& path : order) {
      put(upper(path + "/" + name), "n");
      // Some by all of their names, some by one.
      tasks.push_back(tasks.size() % 3 == 2 ? names(path, {name}) : full(path));
    }
    tasks[0].full = true;
    const PartialResult result = look(tasks);
    ASSERT_EQ(result.directories.size(), order.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      EXPECT_FALSE(result.directories[i].stale) << order[i];
      EXPECT_EQ(result.directories[i].self.name,
                fs::path(order[i]).filename().string());
    }
    tree_.apply(result);
    expect_as_full_scan();
  }
}

TEST_F(PartialTest, NoSymbolicLinkIsFollowed) {
  make_dir(base_ + "/outside");
  put(base_ + "/outside/secret", "x");
  const PartialTask task = names("/d/sub", {"secret"});
  remove_tree(upper("/d/sub"));
  fs::create_directory_symlink(base_ + "/outside", upper("/d/sub"));
  EXPECT_TRUE(look({task}).directories[0].stale);
}

TEST_F(PartialTest, NamesThatAreNoNamesAreGone) {
  const Names hostile = {"",
                         ".",
                         "..",
                         "a/b",
                         "../x",
                         std::string("a\0b", 3),
                         std::string(300, 'n')};
  const PartialResult result = look({names("/d", hostile)});
  EXPECT_EQ(result.directories[0].gone, hostile);
  EXPECT_TRUE(result.directories[0].entries.empty());
  tree_.apply(result);
  expect_as_full_scan();
  EXPECT_TRUE(look({{"/d/../d", inode("/d"), true, {}}}).directories[0].stale);
}

TEST_F(PartialTest, FileTurnsIntoDirectoryAndBack) {
  fs::remove(upper("/d/a"));
  make_dir(upper("/d/a/in"));
  tree_.apply(look({names("/d", {"a"})}));
  expect_as_full_scan();
  remove_tree(upper("/d/a"));
  put(upper("/d/a"), "again");
  const auto delta = tree_.apply(look({names("/d", {"a"})}));
  EXPECT_EQ(names_of(delta.appeared), Names{"a"});
  expect_as_full_scan();
}

TEST_F(PartialTest, DirectoryIsChangedByTimeOnceNothingInItIs) {
  EXPECT_EQ(tree_.find_path("/d")->change, Change::none);
  fs::remove(upper("/d/a"));
  fs::remove(upper("/d/b"));
  remove_tree(upper("/d/sub"));
  const auto delta = tree_.apply(look({full("/d")}));
  EXPECT_EQ(tree_.find_path("/d")->change, Change::changed);
  EXPECT_EQ(names_of(delta.changed), Names{"d"});
  put(upper("/d/new"), "x");
  tree_.apply(look({names("/d", {"new"})}));
  EXPECT_EQ(tree_.find_path("/d")->change, Change::none);
  expect_as_full_scan();
}

}  // namespace
}  // namespace stillframe::drift::test
