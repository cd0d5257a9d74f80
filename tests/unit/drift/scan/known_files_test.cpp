// SPDX-License-Identifier: Apache-2.0
//
// What was reported once and is as it was then is not looked at again.
#include "agent/drift/scan/known_files.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <functional>

#include "tests/unit/drift/scan/fixture.h"

namespace stillframe::drift::test {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// A second ahead: to it all files have been as they are for long enough.
class LaterClock final : public Clock {
 public:
  std::uint64_t boot_ns() const override { return system_clock().boot_ns(); }
  std::uint64_t mono_ns() const override { return system_clock().mono_ns(); }
  WallTime wall() const override {
    return {system_clock().wall().ns + 1'000'000'000};
  }
};

class KnownFilesTest : public Layers {
 protected:
  void SetUp() override {
    make_dir(lower(0, "/d"));
    put(lower(0, "/d/image"), "x");
    age_lowers();
    make_dir(upper("/d/own"));
    put(upper("/d/image"), "changed");
    put(upper("/d/a"), "a");
    put(upper("/d/own/b"), "b");
    must(::symlink("a", upper("/d/link").c_str()) == 0, "symlink");
    tree_.apply(scanner_.scan({}));
  }

  std::vector<std::string> paths_of(const std::deque<Entry>& entries) const {
    std::vector<std::string> out;
    for (const Entry& entry : entries) {
      if (!entry.directory()) out.push_back(entry.name);
    }
    return out;
  }
  void expect_as_full_scan() { EXPECT_EQ(dump(tree_), dump(scan_tree())); }

  LaterClock clock_;
  Scanner scanner_{layers(), {}, clock_};
  UpperTree tree_;
};

TEST_F(KnownFilesTest, AreNotReportedAgain) {
  const ScanResult result = scanner_.scan({});
  EXPECT_THAT(paths_of(result.entries), ElementsAre("image"));
  EXPECT_EQ(result.unchanged.size(), 3u);
  const auto delta = tree_.apply(result);
  EXPECT_FALSE(delta.missed);
  EXPECT_THAT(delta.appeared, IsEmpty());
  EXPECT_THAT(delta.changed, IsEmpty());
  EXPECT_THAT(delta.vanished, IsEmpty());
  expect_as_full_scan();
}

TEST_F(KnownFilesTest, AreReportedAgainIfAllIsScannedAnew) {
  const ScanResult result = scanner_.scan({}, true);
  EXPECT_THAT(paths_of(result.entries),
              UnorderedElementsAre("image", "a", "b", "link"));
  EXPECT_THAT(result.unchanged, IsEmpty());
}

TEST_F(KnownFilesTest, AreTakenInByAPartAsWell) {
  const InodeId d = tree_.find_path("/d")->inode;
  fs::remove(upper("/d/link"));
  const PartialResult part = scanner_.scan({{"/d", d, true, {}}}, {});
  ASSERT_EQ(part.directories.size(), 1u);
  EXPECT_EQ(part.directories[0].unchanged.size(), 1u);
  tree_.apply(part);
  EXPECT_EQ(tree_.find_path("/d/link"), nullptr);
  expect_as_full_scan();
}

TEST_F(KnownFilesTest, AreMissedByATreeThatHasNotTakenThemIn) {
  UpperTree other;
  EXPECT_TRUE(other.apply(scanner_.scan({})).missed);
}

TEST_F(KnownFilesTest, AreForgottenWithAScanThatWasStopped) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(scanner_.scan(stop.get_token()).stopped);
  EXPECT_THAT(scanner_.scan({}).unchanged, IsEmpty());
}

TEST_F(KnownFilesTest, WereNotChangedJustNow) {
  put(upper("/d/new"), "x");
  Scanner now(layers(), {}, system_clock());
  static_cast<void>(now.scan({}));
  EXPECT_THAT(now.scan({}).unchanged.size(), 0u);
}

struct ChangeCase {
  std::string name;
  std::function<void(const std::function<std::string(std::string)>& upper)>
      does;
};

class Changed : public KnownFilesTest,
                public ::testing::WithParamInterface<ChangeCase> {};

TEST_P(Changed, IsSeen) {
  let_time_pass();
  GetParam().does([this](const std::string& path) { return upper(path); });
  tree_.apply(scanner_.scan({}));
  expect_as_full_scan();
  // And again, when all of that is known as well.
  EXPECT_FALSE(tree_.apply(scanner_.scan({})).missed);
  expect_as_full_scan();
}

using Upper = std::function<std::string(std::string)>;

INSTANTIATE_TEST_SUITE_P(
    Each, Changed,
    ::testing::Values(
        ChangeCase{"append",
                   [](const Upper& upper) { append(upper("/d/a"), "more"); }},
        ChangeCase{
            "mode",
            [](const Upper& upper) { ::chmod(upper("/d/a").c_str(), 0600); }},
        ChangeCase{"set_back",
                   [](const Upper& upper) {
                     struct stat st{};
                     ::stat(upper("/d/a").c_str(), &st);
                     put(upper("/d/a"), "b");
                     set_mtime(upper("/d/a"), st.st_mtim.tv_sec,
                               st.st_mtim.tv_nsec);
                   }},
        ChangeCase{"replaced",
                   [](const Upper& upper) {
                     put(upper("/d/new"), "a");
                     fs::rename(upper("/d/new"), upper("/d/a"));
                   }},
        ChangeCase{"moved",
                   [](const Upper& upper) {
                     fs::rename(upper("/d/a"), upper("/d/own/a"));
                   }},
        ChangeCase{"exchanged",
                   [](const Upper& upper) {
                     fs::rename(upper("/d/a"), upper("/d/c"));
                     fs::rename(upper("/d/own/b"), upper("/d/a"));
                     fs::rename(upper("/d/c"), upper("/d/own/b"));
                   }},
        ChangeCase{"linked",
                   [](const Upper& upper) {
                     fs::create_hard_link(upper("/d/a"), upper("/d/own/l"));
                   }},
        ChangeCase{"removed",
                   [](const Upper& upper) { fs::remove(upper("/d/a")); }},
        ChangeCase{"whiteout",
                   [](const Upper& upper) {
                     fs::remove(upper("/d/a"));
                     whiteout(upper("/d/a"));
                   }},
        ChangeCase{"directory_moved",
                   [](const Upper& upper) {
                     fs::rename(upper("/d/own"), upper("/own"));
                   }},
        ChangeCase{
            "directory_above_moved",
            [](const Upper& upper) { fs::rename(upper("/d"), upper("/e")); }},
        ChangeCase{"directory_removed",
                   [](const Upper& upper) { remove_tree(upper("/d/own")); }}),
    [](const auto& info) { return info.param.name; });

// At the place that it had before it was reported elsewhere.
TEST_F(KnownFilesTest, ThatCameBackAreInTheTree) {
  fs::rename(upper("/d/own"), upper("/own"));
  tree_.apply(scanner_.scan({}));
  fs::rename(upper("/own"), upper("/d/own"));
  tree_.apply(scanner_.scan({}));
  expect_as_full_scan();
  EXPECT_NE(tree_.find_path("/d/own/b"), nullptr);
}

// What the tree could not take in when a directory was away comes when it does
// not find it.
TEST_F(KnownFilesTest, ThatATreeHasLostAreFoundAnew) {
  ScanResult without = scanner_.scan({}, true);
  std::erase_if(without.entries, [](const auto& e) { return e.name == "b"; });
  UpperTree other;
  other.apply(without);
  EXPECT_TRUE(other.apply(scanner_.scan({})).missed);
  EXPECT_FALSE(other.apply(scanner_.scan({}, true)).missed);
  EXPECT_EQ(dump(other), dump(scan_tree()));
}

TEST(KnownFilesBound, HoldsWhatItHolds) {
  KnownFiles files;
  for (std::uint64_t i = 1; i <= KnownFiles::kMost + 1000; ++i) files.add(i);
  EXPECT_EQ(files.size(), KnownFiles::kMost);
  EXPECT_TRUE(files.has(1));
  EXPECT_TRUE(files.has(KnownFiles::kMost));
  EXPECT_FALSE(files.has(KnownFiles::kMost + 1));
  files.clear();
  EXPECT_FALSE(files.has(1));
}

TEST(KnownFilesDigest, DiffersByEachThingThatIsShown) {
  struct stat st{};
  st.st_ino = 5;
  st.st_mode = S_IFREG | 0644;
  st.st_nlink = 1;
  const InodeId directory{10, 1};
  const auto digest = [&](const struct stat& now) {
    return KnownFiles::digest(3, directory, "a", now);
  };
  const std::uint64_t before = digest(st);
  EXPECT_EQ(digest(st), before);
  const std::vector<std::function<void(struct stat*)>> changes{
      [](struct stat* s) { ++s->st_ino; },
      [](struct stat* s) { ++s->st_dev; },
      [](struct stat* s) { ++s->st_mode; },
      [](struct stat* s) { ++s->st_nlink; },
      [](struct stat* s) { ++s->st_uid; },
      [](struct stat* s) { ++s->st_gid; },
      [](struct stat* s) { ++s->st_rdev; },
      [](struct stat* s) { ++s->st_size; },
      [](struct stat* s) { ++s->st_mtim.tv_nsec; },
      [](struct stat* s) { ++s->st_ctim.tv_nsec; },
  };
  for (const auto& change : changes) {
    struct stat now = st;
    change(&now);
    EXPECT_NE(digest(now), before);
  }
  EXPECT_NE(KnownFiles::digest(4, directory, "a", st), before);
  EXPECT_NE(KnownFiles::digest(3, {10, 2}, "a", st), before);
  EXPECT_NE(KnownFiles::digest(3, {11, 1}, "a", st), before);
  EXPECT_NE(KnownFiles::digest(3, directory, "b", st), before);
}

}  // namespace
}  // namespace stillframe::drift::test
