// SPDX-License-Identifier: Apache-2.0
//
// An error is not an absence: whatever a scan cannot look at stays as it was
// known.
#include "agent/drift/scan/failure.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

#include "agent/base/descriptors.h"
#include "agent/drift/scan/directory.h"
#include "tests/unit/drift/scan/fixture.h"

namespace stillframe::drift::test {
namespace {

namespace fs = std::filesystem;
using ::testing::IsEmpty;

// Leaves this process `room` descriptors as long as it lives.
class FewDescriptors {
 public:
  explicit FewDescriptors(int room) {
    must(::getrlimit(RLIMIT_NOFILE, &before_) == 0, "getrlimit");
    const int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::close(next);
    struct rlimit few = before_;
    few.rlim_cur = static_cast<rlim_t>(next + room);
    must(::setrlimit(RLIMIT_NOFILE, &few) == 0, "setrlimit");
  }
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;

 private:
  struct rlimit before_{};
};

enum class Kind { overlay, copy, inventory };

class FailureTest : public Layers, public ::testing::WithParamInterface<Kind> {
 protected:
  void SetUp() override {
    for (const char* dir : {"/d/sub/deep", "/e"}) make_dir(lower(0, dir));
    for (const char* file : {"/d/a", "/d/b", "/d/sub/deep/c", "/e/f"}) {
      put(lower(0, file), "image");
    }
    age_lowers();
    OverlayLayers where;
    where.upper = upper();
    where.plain = GetParam() != Kind::overlay;
    if (GetParam() != Kind::inventory) where.lower = {lower(0), lower(1)};
    if (where.plain) {
      fs::copy(lower(0), upper(), fs::copy_options::recursive);
      if (GetParam() == Kind::copy) where.lower.resize(1);
    }
    scanner_ =
        std::make_unique<Scanner>(where, nullptr, system_clock(), ScanLimits{},
                                  Scanner::Start{let_time_pass(), "", {}});
    if (GetParam() == Kind::inventory) scanner_->scan({});  // takes it
    change();
    tree_.apply(scanner_->scan({}));
    ASSERT_GT(tree_.size(), 5u);
  }

  void change() {
    make_dir(upper("/d/sub/deep"));
    make_dir(upper("/e"));
    put(upper("/d/a"), "other");  // as long as the image's
    put(upper("/d/new"), "x");
    put(upper("/d/sub/deep/c"), "longer than it was");
    make_dir(upper("/d/sub/made"));
    put(upper("/d/sub/made/file"), "x");
    if (GetParam() == Kind::overlay) {
      whiteout(upper("/e/f"));
    } else {
      fs::remove(upper("/e/f"));
    }
  }

  std::vector<PartialTask> every_directory() const {
    std::vector<PartialTask> tasks{{"", tree_.root(), true, {}}};
    tree_.for_each([&](const UpperTree::Place& at, const Entry& entry) {
      const std::string& path = at.path;
      if (!entry.directory() || entry.whiteout) return;
      tasks.push_back({path, entry.inode, true, {}});
      tasks.push_back({path, entry.inode, false, {"a", "sub", "f", "c"}});
    });
    return tasks;
  }

  template <typename Result>
  void expect_nothing_forgotten(const Result& result) {
    const auto before = dump(tree_);
    const UpperTree::Delta delta = tree_.apply(result);
    EXPECT_THAT(delta.vanished, IsEmpty());
    EXPECT_THAT(delta.appeared, IsEmpty());
    EXPECT_THAT(delta.changed, IsEmpty());
    EXPECT_EQ(dump(tree_), before);
    if (result.complete) return;
    ASSERT_FALSE(result.errors.empty());
    EXPECT_EQ(result.errors.front().code, EMFILE);
    EXPECT_THAT(text_of(result.errors.front()), testing::HasSubstr("/"));
  }

  std::unique_ptr<Scanner> scanner_;
  UpperTree tree_;
};

TEST_P(FailureTest, NothingIsForgottenWhenDescriptorsRunOut) {
  constexpr int kMost = 40;
  int full = 0;
  int part = 0;
  const auto tasks = every_directory();
  for (int room = 0; room < kMost; ++room) {
    SCOPED_TRACE(room);
    ScanResult all;
    PartialResult some;
    {
      const FewDescriptors few(room);
      all = scanner_->scan({});
      some = scanner_->scan(tasks, {});
    }
    full += all.complete ? 1 : 0;
    part += some.complete ? 1 : 0;
    expect_nothing_forgotten(all);
    expect_nothing_forgotten(some);
    if (HasFailure()) return;
  }
  EXPECT_GT(full, 0);
  EXPECT_LT(full, kMost);
  EXPECT_GT(part, 0);
  EXPECT_LT(part, kMost);
}

// What is new while descriptors are short is found once they are not.
TEST_P(FailureTest, WhatCouldNotBeReadIsReadNextTime) {
  make_dir(upper("/e/late/deeper"));
  put(upper("/e/late/deeper/file"), "x");
  for (int room = 0; room < 30; ++room) {
    const FewDescriptors few(room);
    tree_.apply(scanner_->scan(every_directory(), {}));
  }
  tree_.apply(scanner_->scan(every_directory(), {}));
  EXPECT_NE(tree_.find_path("/e/late/deeper/file"), nullptr);
  UpperTree again;
  again.apply(scanner_->scan({}, true));
  EXPECT_EQ(dump(tree_), dump(again));
}

// An inventory that lacks what could not be read would take that for new.
TEST_P(FailureTest, AFirstScanThatFailsIsMadeAgain) {
  if (GetParam() != Kind::inventory) return;
  OverlayLayers where;
  where.upper = upper();
  where.plain = true;
  Scanner scanner(where, nullptr, system_clock());
  ScanResult result;
  int room = 0;
  do {
    const FewDescriptors few(room);
    result = scanner.scan({});
  } while (!result.complete && ++room < 40);
  EXPECT_GT(room, 1);
  EXPECT_TRUE(result.complete);
  for (const Entry& entry : result.entries) {
    EXPECT_NE(entry.change, Change::added) << entry.name;
  }
}

INSTANTIATE_TEST_SUITE_P(All, FailureTest,
                         ::testing::Values(Kind::overlay, Kind::copy,
                                           Kind::inventory),
                         [](const auto& info) {
                           return std::string(
                               info.param == Kind::overlay ? "Overlay"
                               : info.param == Kind::copy  ? "Copy"
                                                           : "Inventory");
                         });

using DescriptorTest = Layers;

TEST_F(DescriptorTest, ManyLayersThatShareADeepTreeTakeFew) {
  constexpr int kLayers = 300;
  const std::string deep = "/a/b/c/d/e/f/g/h";
  OverlayLayers many;
  many.upper = upper();
  for (int i = 0; i < kLayers; ++i) {
    many.lower.push_back(base_ + "/layer" + std::to_string(i));
    make_dir(many.lower.back() + deep);
    put(many.lower.back() + deep + "/f" + std::to_string(i), "x");
  }
  make_dir(upper(deep));
  for (const int i : {0, 100, kLayers - 1}) {
    put(upper(deep) + "/f" + std::to_string(i), "y");
  }
  put(upper(deep) + "/new", "y");
  whiteout(upper(deep) + "/f7");
  for (int i = 0; i < 6; ++i) make_dir(upper("/a/b/n" + std::to_string(i)));
  ScanResult result;
  {
    const FewDescriptors few(kScanDescriptors);
    result = Scanner(many, {}, system_clock()).scan({});
  }
  EXPECT_TRUE(result.complete);
  UpperTree tree;
  tree.apply(result);
  for (const char* name : {"/f0", "/f100", "/f299"}) {
    EXPECT_EQ(tree.find_path(deep + name)->change, Change::changed) << name;
  }
  EXPECT_EQ(tree.find_path(deep + "/new")->change, Change::added);
  EXPECT_EQ(tree.find_path(deep + "/f7")->change, Change::deleted);
}

// Two directories at each level: all of them are to be gone back to.
TEST_F(DescriptorTest, DeepTreesWithManyBranchesTakeFew) {
  constexpr int kDepth = 500;
  int at = ::open(upper().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (int i = 0; i < kDepth; ++i) {
    // Long names: the path gets longer than a call takes.
    const std::string name(20, 'x');
    ASSERT_EQ(::mkdirat(at, name.c_str(), 0755), 0);
    ASSERT_EQ(::mkdirat(at, "other", 0755), 0);
    const int next = ::openat(at, name.c_str(), O_RDONLY | O_CLOEXEC);
    ::close(at);
    at = next;
  }
  ::close(at);
  ScanResult result;
  {
    const FewDescriptors few(kScanDescriptors);
    result = Scanner(layers(), {}, system_clock()).scan({});
  }
  EXPECT_TRUE(result.complete);
  EXPECT_EQ(result.entries.size(), 2u * kDepth + 1);
}

TEST_F(DescriptorTest, DirectoryRenamedUnderTheScanKeepsWhatIsInIt) {
  make_dir(upper("/d/sub/deep"));
  put(upper("/d/sub/deep/file"), "x");
  bool rename = false;
  Scanner scanner(
      layers(),
      [&](const InodeId& inode, bool) {
        struct stat st{};
        if (!rename || ::stat(upper("/d/sub").c_str(), &st) != 0) return true;
        if (st.st_ino == inode.ino)
          fs::rename(upper("/d/sub"), upper("/moved"));
        return true;
      },
      system_clock());
  UpperTree tree;
  tree.apply(scanner.scan({}));
  rename = true;
  const ScanResult result = scanner.scan({});
  EXPECT_TRUE(result.complete);
  const auto delta = tree.apply(result);
  EXPECT_THAT(delta.vanished, IsEmpty());
  EXPECT_NE(tree.find_path("/d/sub/deep/file"), nullptr);
  // The rename is an event: both places are looked at again.
  const InodeId d = tree.find_path("/d")->inode;
  tree.apply(scanner.scan(
      {{"/d", d, false, {"sub"}}, {"", tree.root(), false, {"moved"}}}, {}));
  EXPECT_NE(tree.find_path("/moved/deep/file"), nullptr);
  EXPECT_EQ(tree.find_path("/d/sub"), nullptr);
}

TEST_F(DescriptorTest, StopsInTheMiddle) {
  for (int i = 0; i < 100; ++i) put(upper("/f" + std::to_string(i)), "x");
  std::stop_source stop;
  int seen = 0;
  Scanner scanner(
      layers(),
      [&](const InodeId&, bool) {
        if (++seen == 10) stop.request_stop();
        return true;
      },
      system_clock());
  EXPECT_TRUE(scanner.scan(stop.get_token()).stopped);
  EXPECT_LE(seen, 11);
}

TEST_F(DescriptorTest, NoLinkIsFollowedOnTheWayBelow) {
  make_dir(upper("/d/in"));
  fs::create_directory_symlink("in", upper("/d/link"));
  const Fd root(::open(upper().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  EXPECT_GE(open_below(root, "/d/in"), 0);
  EXPECT_GE(open_below(root, ""), 0);
  EXPECT_LT(open_below(root, "/d/link"), 0);
  EXPECT_LT(open_below(root, "/../upper"), 0);
}

}  // namespace
}  // namespace stillframe::drift::test
