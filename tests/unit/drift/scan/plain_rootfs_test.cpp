// SPDX-License-Identifier: Apache-2.0
//
// Root filesystems that are no overlay: a copy of an image's directory (lower0
// here), or a directory with nothing to compare it with.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <optional>

#include "agent/drift/scan/compare.h"
#include "tests/unit/drift/scan/fixture.h"

namespace stillframe::drift::test {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Whole : public Layers {
 protected:
  Whole() {
    for (const char* directory : {"/etc", "/data", "/data/deep"}) {
      make_dir(lower(0) + directory);
    }
    for (const char* file :
         {"/etc/passwd", "/etc/group", "/data/file", "/data/deep/leaf"}) {
      put(lower(0) + file, std::string("image's ") + file);
    }
    fs::create_symlink("file", lower(0) + "/data/link");
    age_lowers();
    fs::remove_all(upper());
    fs::copy(lower(0), upper(),
             fs::copy_options::recursive | fs::copy_options::copy_symlinks);
    for (const auto& entry : fs::recursive_directory_iterator(upper())) {
      set_mtime(entry.path(), kOldTime, kOldNs);
    }
    set_mtime(upper(), kOldTime, kOldNs);
    since_ = let_time_pass();
  }

  void open(bool copy, const std::string& inventory = "") {
    OverlayLayers layers;
    layers.plain = true;
    layers.upper = upper();
    if (copy) layers.lower = {lower(0)};
    scanner_.emplace(layers, nullptr, system_clock(), ScanLimits{},
                     Scanner::Start{since_, inventory, prepared_});
    tree_ = UpperTree();
  }

  ScanResult scan() {
    ScanResult result = scanner_->scan({});
    EXPECT_THAT(result.errors, IsEmpty());
    EXPECT_TRUE(result.complete);
    tree_.apply(result);
    return result;
  }

  // "C /path [bits]" of what changed.
  std::vector<std::string> changes() const {
    std::vector<std::string> out;
    tree_.for_each([&](const UpperTree::Place& at, const Entry& e) {
      const std::string& path = at.path;
      if (e.change == Change::none) return;
      std::string line{static_cast<char>(e.change)};
      line += " " + path;
      const std::string differs = bits(e.differs);
      if (!differs.empty()) line += " [" + differs + "]";
      out.push_back(line);
    });
    return out;
  }

  std::vector<std::string> lines() const { return tool_lines(tree_, kPodman); }

  WallTime since_;
  WallTime prepared_;
  std::optional<Scanner> scanner_;
  UpperTree tree_;
};

TEST_F(Whole, UntouchedIsStillAndHoldsDirectoriesOnly) {
  for (const bool copy : {true, false}) {
    open(copy);
    EXPECT_EQ(scan().unknowable, "");
    EXPECT_THAT(changes(), IsEmpty());
    EXPECT_THAT(lines(), IsEmpty());
    EXPECT_EQ(tree_.size(), 4u);  // the root, /etc, /data, /data/deep
  }
}

TEST_F(Whole, ACopyIsComparedWithItsImage) {
  open(true);
  append(upper("/data/file"), "more");
  put(upper("/data/deep/new"), "x");
  fs::remove(upper("/etc/group"));
  fs::remove(upper("/data/link"));
  fs::create_symlink("deep", upper("/data/link"));
  fs::permissions(upper("/etc/passwd"), fs::perms::owner_all);
  scan();
  EXPECT_THAT(changes(),
              ElementsAre("A /data/deep/new", "C /data/file [content time]",
                          "C /data/link [content time]", "D /etc/group",
                          "C /etc/passwd [mode]"));
  EXPECT_THAT(lines(),
              testing::UnorderedElementsAre(
                  "C /data", "C /data/deep", "A /data/deep/new", "C /data/file",
                  "C /data/link", "C /etc", "D /etc/group", "C /etc/passwd"));
}

// What was removed before can't be known any more, and that is said for good.
TEST_F(Whole, WithoutItsInventoryItIsNotStill) {
  const std::string kept = base_ + "/inventory";
  open(false, kept);
  scan();
  fs::remove(upper("/etc/group"));
  open(false, kept);
  scan();
  EXPECT_THAT(changes(), ElementsAre("D /etc/group"));
  fs::resize_file(kept, fs::file_size(kept) / 2);
  for (int start = 0; start < 2; ++start) {
    open(false, kept);
    EXPECT_THAT(scan().unknowable, HasSubstr("its inventory was damaged"));
    EXPECT_THAT(scan().unknowable, HasSubstr("its inventory was damaged"));
  }
}

TEST_F(Whole, WhatIsTheImagesAgainIsNotDistinguishedFromIt) {
  open(true);
  fs::permissions(upper("/data/file"), fs::perms::owner_all);
  fs::permissions(upper("/data/file"), static_cast<fs::perms>(0644));
  scan();
  EXPECT_THAT(changes(), ElementsAre("C /data/file"));
  EXPECT_THAT(lines(), IsEmpty());
}

TEST_F(Whole, AContentPutBackInTimeIsFound) {
  open(true);
  std::string same_size = "attack's /data/file";
  same_size.resize(fs::file_size(lower(0) + "/data/file"), '.');
  put(upper("/data/file"), same_size);
  set_mtime(upper("/data/file"), kOldTime, kOldNs);
  scan();
  EXPECT_THAT(changes(), ElementsAre("C /data/file [content]"));
}

TEST_F(Whole, AMovedDirectoryTakesAllInItAlong) {
  for (const bool copy : {true, false}) {
    open(copy);
    scan();
    fs::rename(upper("/data"), upper("/moved"));
    scan();
    EXPECT_THAT(changes(), ElementsAre("D /data", "A /moved", "A /moved/deep",
                                       "A /moved/deep/leaf", "A /moved/file",
                                       "A /moved/link"))
        << copy;
    fs::rename(upper("/moved"), upper("/data"));
  }
}

TEST_F(Whole, AnotherDirectoryInItsPlaceShowsWhatIsMissing) {
  open(true);
  fs::remove_all(upper("/data"));
  make_dir(upper("/data"));
  put(upper("/data/new"), "x");
  scan();
  EXPECT_THAT(lines(), testing::UnorderedElementsAre(
                           "C /data", "D /data/deep", "D /data/file",
                           "D /data/link", "A /data/new"));
}

// Also where it is given the former one's inode number, as ext4 does at once.
TEST_F(Whole, ADirectoryMadeAgainIsAnother) {
  open(false);
  scan();
  for (int i = 0; i < 8; ++i) {
    fs::remove_all(upper("/data/deep"));
    make_dir(upper("/data/deep"));
    // Else both of its times are of the same instant, or they are not.
    set_mtime(upper("/data/deep"), kOldTime, kOldNs);
    scan();
    EXPECT_THAT(changes(),
                ElementsAre("C /data/deep [opaque]", "D /data/deep/leaf"));
  }
}

TEST_F(Whole, WithoutAnImageTheInventoryShows) {
  open(false);
  scan();
  append(upper("/data/file"), "more");
  put(upper("/data/deep/new"), "x");
  fs::remove(upper("/etc/group"));
  fs::permissions(upper("/etc/passwd"), fs::perms::owner_all);
  fs::remove(upper("/data/link"));
  make_dir(upper("/data/link"));
  fs::permissions(upper("/data/deep"), fs::perms::owner_all);
  scan();
  EXPECT_THAT(
      changes(),
      ElementsAre(testing::StartsWith("C /data/deep [mode"), "A /data/deep/new",
                  "C /data/file [unknown]", "C /data/link [type]",
                  "D /etc/group", "C /etc/passwd [mode unknown]"));
}

TEST_F(Whole, AReplacedFileIsChangedAndARenamedOneGoneAndAdded) {
  open(false);
  scan();
  put(upper("/etc/passwd.new"), "x");
  fs::rename(upper("/etc/passwd.new"), upper("/etc/passwd"));
  fs::rename(upper("/data/file"), upper("/data/other"));
  scan();
  EXPECT_THAT(changes(), ElementsAre("D /data/file", "A /data/other",
                                     "C /etc/passwd [unknown]"));
}

TEST_F(Whole, TheInventoryOutlivesTheScanner) {
  const std::string file = base_ + "/inventory";
  open(false, file);
  scan();
  fs::remove(upper("/etc/group"));
  since_ = let_time_pass();  // which is not when this rootfs began to live
  put(upper("/data/new"), "x");
  open(false, file);
  scan();
  EXPECT_THAT(changes(), ElementsAre("A /data/new", "D /etc/group"));
}

TEST_F(Whole, ChangesBeforeTheFirstLookAreReportedByTheirTimes) {
  struct statx sx{};
  must(::statx(AT_FDCWD, upper().c_str(), 0, STATX_BTIME, &sx) == 0, "statx");
  if ((sx.stx_mask & STATX_BTIME) == 0) GTEST_SKIP() << "no birth times here";
  put(upper("/data/new"), "x");
  append(upper("/data/file"), "more");
  open(false);
  EXPECT_EQ(scan().unknowable, "");
  EXPECT_THAT(changes(), ElementsAre("C /data/file [unknown]", "A /data/new"));
}

TEST_F(Whole, ARemovalBeforeTheFirstLookCannotBeKnown) {
  fs::remove(upper("/etc/group"));
  open(false);
  EXPECT_THAT(scan().unknowable, HasSubstr("/etc"));
  put(upper("/etc/new"), "x");
  EXPECT_THAT(scan().unknowable, HasSubstr("/etc"));
}

// LXC makes a file there and removes it, a moment before the first program
// runs.
TEST_F(Whole, AtTheTopTheRuntimeMayHaveRemovedSomethingOfItsOwn) {
  put(upper("/.keep"), "");
  fs::remove(upper("/.keep"));
  open(false);
  EXPECT_THAT(scan().unknowable, HasSubstr("from /"));
  prepared_ = let_time_pass();
  open(false);
  EXPECT_EQ(scan().unknowable, "");
  fs::remove(upper("/etc/group"));
  prepared_ = let_time_pass();
  open(false);
  EXPECT_THAT(scan().unknowable, HasSubstr("from /etc"));
}

TEST_F(Whole, NamesAreLookedAtOneByOne) {
  for (const bool copy : {true, false}) {
    open(copy);
    scan();
    put(upper("/etc/new"), "x");
    fs::remove(upper("/etc/group"));
    PartialTask task{"/etc",
                     tree_.find_path("/etc")->inode,
                     false,
                     {"new", "group", "passwd", "none"}};
    PartialResult part = scanner_->scan({task}, {});
    EXPECT_THAT(part.directories.at(0).gone, ElementsAre("passwd", "none"));
    tree_.apply(part);
    EXPECT_THAT(changes(), ElementsAre("D /etc/group", "A /etc/new"));
    fs::remove(upper("/etc/new"));
    put(upper("/etc/group"), "back");
    task.full = true;
    tree_.apply(scanner_->scan({task}, {}));
    ASSERT_EQ(changes().size(), 1u);
    EXPECT_THAT(changes()[0], testing::StartsWith("C /etc/group"));
    fs::remove(upper("/etc/group"));
    fs::copy(lower(0) + "/etc/group", upper("/etc/group"));
    since_ = let_time_pass();
  }
}

TEST_F(Whole, DevicesAndOverlaysAttributesAreLikeAnyOther) {
  open(true);
  whiteout(upper("/data/device"));
  set_xattr(upper("/etc"), "trusted.overlay.opaque", "y");
  scan();
  EXPECT_THAT(changes(), ElementsAre("A /data/device", "C /etc [xattr]"));
}

}  // namespace
}  // namespace stillframe::drift::test
