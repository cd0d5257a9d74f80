// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/scanner.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "agent/model/inode_identity.h"
#include "tests/unit/drift/scan/fixture.h"

namespace stillframe::drift::test {
namespace {

using ScannerTest = Layers;

TEST_F(ScannerTest, UpperRootHasTheKernelsDeviceAndAGeneration) {
  const auto root = upper_root_of(upper());
  ASSERT_TRUE(root.has_value());
  struct stat st{};
  ASSERT_EQ(::stat(upper().c_str(), &st), 0);
  EXPECT_EQ(root->inode.ino, st.st_ino);
  EXPECT_EQ(root->dev, major(st.st_dev) << 20 | minor(st.st_dev));
  EXPECT_FALSE(upper_root_of(upper("/absent")).has_value());
}

TEST_F(ScannerTest, EachInodeIsRegisteredBeforeItIsRead) {
  make_dir(upper("/dir"));
  put(upper("/dir/file"), "x");
  whiteout(upper("/gone"));
  std::set<std::uint64_t> registered;
  std::size_t directories = 0;
  const auto registrar = [&](const InodeId& inode, bool directory) {
    const bool first = registered.insert(inode.ino).second;
    directories += directory ? 1 : 0;
    // What happens now must still be in the result.
    if (!directory && first) append(upper("/dir/file"), "yz");
    return first;
  };
  Scanner scanner(layers(), registrar, system_clock());
  UpperTree tree;
  tree.apply(scanner.scan({}));
  EXPECT_EQ(registered.size(), 3u);  // whiteouts share one inode: not watched
  EXPECT_EQ(directories, 2u);
  EXPECT_EQ(tree.find_path("/dir/file")->size, 3u);
}

TEST_F(ScannerTest, WhatItSaysOfANewFileIsOfOneThatHadTheName) {
  make_dir(upper("/dir"));
  put(upper("/dir/file"), "x");
  put(upper("/other"), "yz");
  struct stat other{};
  ASSERT_EQ(::stat(upper("/other").c_str(), &other), 0);
  const auto directory_inode = upper_root_of(upper("/dir"))->inode;
  bool replaced = false;
  const auto registrar = [&](const InodeId&, bool directory) {
    if (directory || replaced) return false;
    replaced = true;
    std::filesystem::rename(upper("/other"), upper("/dir/file"));
    return true;
  };
  const PartialTask task{SharedPath("/dir"), directory_inode, true, {}};
  Scanner scanner(layers(), registrar, system_clock());
  const auto result = scanner.scan({task}, {});
  ASSERT_EQ(result.directories.size(), 1u);
  ASSERT_EQ(result.directories[0].entries.size(), 1u);
  EXPECT_EQ(result.directories[0].entries[0].inode.ino, other.st_ino);
  EXPECT_EQ(result.directories[0].entries[0].size, 2u);
}

TEST_F(ScannerTest, WhatWasReportedIsNotRegistered) {
  make_dir(upper("/dir"));
  put(upper("/dir/file"), "x");
  const auto directory_inode = upper_root_of(upper("/dir"))->inode;
  std::set<std::uint64_t> registered;
  const auto registrar = [&](const InodeId& inode, bool directory) {
    return !directory && registered.insert(inode.ino).second;
  };
  Scanner scanner(layers(), registrar, system_clock());
  const PartialTask named{SharedPath("/dir"), directory_inode, false, {"file"}};
  const auto by_name = scanner.scan({named}, {});
  ASSERT_EQ(by_name.directories.at(0).entries.size(), 1u);
  const InodeId inode = by_name.directories[0].entries[0].inode;
  EXPECT_TRUE(registered.empty());
  const PartialTask all{SharedPath("/dir"), directory_inode, true, {}};
  const auto listed = scanner.scan({all}, {});
  ASSERT_EQ(listed.directories.at(0).entries.size(), 1u);
  EXPECT_EQ(registered, std::set{inode.ino});
  EXPECT_EQ(listed.directories[0].entries[0].inode, inode);
}

struct OwnerCase {
  const char* name;
  uid_t below;
  gid_t below_group;
  uid_t above;
  gid_t above_group;
  bool mapped;  // the container has a user namespace
  bool differs;
};

// As podman shows a container the image's files, on disk root's.
TEST_F(ScannerTest, OwnersAreComparedAsTheContainerSeesThem) {
  const OwnerCase cases[] = {
      {"root's, as mapped", 0, 0, 100'000, 200'000, true, false},
      {"a user's, as mapped", 33, 7, 100'033, 200'007, true, false},
      {"given to a user", 0, 0, 100'033, 200'000, true, true},
      {"given to a group", 0, 0, 100'000, 200'007, true, true},
      {"given to the host's root", 0, 0, 0, 0, true, true},
      {"of one who has no number there", 70'000, 0, 170'000, 200'000, true,
       true},
      {"the same number, which is another's", 33, 0, 33, 200'000, true, true},
      {"without a user namespace", 33, 7, 33, 7, false, false},
      {"given away without one", 33, 7, 100'033, 7, false, true},
  };
  for (const OwnerCase& one : cases) {
    for (const bool plain : {false, true}) {
      SCOPED_TRACE(std::string(one.name) + (plain ? ", a copy" : ""));
      OverlayLayers where = layers();
      where.plain = plain;
      where.lower.resize(1);
      if (one.mapped) {
        where.owners = {{{{0, 100'000, 65'536}}}, {{{0, 200'000, 65'536}}}};
      }
      const auto give = [](const std::string& path, uid_t uid, gid_t gid) {
        put(path, "x");
        set_mtime(path, kOldTime, kOldNs);
        must(::chown(path.c_str(), uid, gid) == 0, path);
      };
      give(lower(0, "/owned"), one.below, one.below_group);
      give(upper("/owned"), one.above, one.above_group);
      const ScanResult result = Scanner(where, {}, system_clock()).scan({});
      bool differs = false;
      for (const auto& entry : result.entries) {
        if (entry.name == "owned") differs = entry.differs.owner;
      }
      EXPECT_EQ(differs, one.differs);
    }
  }
}

TEST_F(ScannerTest, SaysWhichLayerIsMissingAndCarriesOn) {
  put(upper("/new"), "x");
  OverlayLayers broken = layers();
  broken.lower.push_back(base_ + "/absent");
  const ScanResult result = Scanner(broken, {}, system_clock()).scan({});
  EXPECT_FALSE(result.complete);
  ASSERT_EQ(result.errors.size(), 1u);
  EXPECT_NE(result.errors[0].path.find("/absent"), std::string::npos);
  EXPECT_EQ(result.entries.size(), 2u);
}

TEST_F(ScannerTest, MissingUpperIsAnError) {
  OverlayLayers broken = layers();
  broken.upper = base_ + "/absent";
  const ScanResult result = Scanner(broken, {}, system_clock()).scan({});
  EXPECT_FALSE(result.complete);
  EXPECT_TRUE(result.entries.empty());
  EXPECT_EQ(result.errors.size(), 1u);
}

TEST_F(ScannerTest, StopsAtItsLimitAndSaysSo) {
  for (int i = 0; i < 20; ++i) put(upper("/f" + std::to_string(i)), "x");
  ScanLimits limits;
  limits.max_entries = 10;
  const ScanResult result =
      Scanner(layers(), {}, system_clock(), limits).scan({});
  EXPECT_FALSE(result.complete);
  EXPECT_LE(result.entries.size(), 11u);
  EXPECT_FALSE(result.errors.empty());
}

TEST_F(ScannerTest, WhiteoutTakesTheModeOfWhatItHides) {
  make_dir(lower(1, "/dir"));
  put(lower(1, "/file"), "x");
  for (const char* name : {"/dir", "/file", "/nothing"}) whiteout(upper(name));
  const UpperTree tree = scan_tree();
  EXPECT_TRUE(tree.find_path("/dir")->directory());
  EXPECT_EQ(tree.find_path("/file")->mode, 0100644u);
  EXPECT_EQ(tree.find_path("/file")->change, Change::deleted);
  EXPECT_EQ(tree.find_path("/nothing")->change, Change::none);
  EXPECT_EQ(tree.find_path("/nothing")->shown_by_runtime, Change::deleted);
}

struct Attribute {
  std::string name;
  std::string value;
  bool userxattr;
  std::string file;  // what differs of one that is otherwise equal
  std::string dir;
};

// What overlay notes under the prefix of its mount is its own; under the other
// one it is data that anyone may have set.
TEST_F(ScannerTest, AttributesThatAnyoneMaySetAreNotBelieved) {
  const Attribute cases[] = {
      {"user.overlay.opaque", "y", false, "xattr", "xattr"},
      {"user.overlay.opaque", "y", true, "", "opaque"},
      {"user.overlay.redirect", "/other", false, "xattr", "xattr"},
      {"user.overlay.redirect", "/other", true, "", ""},
      {"user.overlay.metacopy", "", false, "xattr", "xattr"},
      {"user.overlay.metacopy", "", true, "", ""},
      {"user.overlay.origin", "hidden", false, "xattr", "xattr"},
      {"user.overlay.origin", "handle", true, "", ""},
      {"user.overlay.anything", "hidden", true, "", ""},
      {"user.overlay.overlay.opaque", "y", true, "xattr", "xattr"},
      {"trusted.overlay.opaque", "y", false, "", "opaque"},
      {"trusted.overlay.opaque", "y", true, "xattr", "xattr"},
      {"trusted.overlay.overlay.opaque", "y", false, "xattr", "xattr"},
  };
  for (const Attribute& one : cases) {
    SCOPED_TRACE(one.name + (one.userxattr ? " userxattr" : ""));
    for (const std::string& place : {lower(0), upper()}) {
      remove_tree(place);
      make_dir(place + "/dir");
      make_dir(place + "/other");
      put(place + "/file", "image");
    }
    put(lower(0, "/dir/x"), "x");
    age_lowers();
    for (const char* name : {"/file", "/dir"}) {
      set_xattr(upper(name), one.name, one.value);
      set_mtime(upper(name), kOldTime, kOldNs);
    }
    options_.userxattr = one.userxattr;
    const UpperTree tree = scan_tree();
    EXPECT_EQ(bits(tree.find_path("/file")->differs), one.file);
    EXPECT_EQ(bits(tree.find_path("/dir")->differs), one.dir);
    EXPECT_EQ(tree.find_path("/dir")->redirect(), nullptr);
  }
}

TEST_F(ScannerTest, LabelsOfOneSideAloneAreNoDifference) {
  put(lower(0, "/file"), "x");
  put(upper("/file"), "x");
  age_lowers();
  set_mtime(upper("/file"), kOldTime, kOldNs);
  set_xattr(upper("/file"), "security.selinux", "label");
  set_xattr(upper("/file"), "trusted.overlay.origin", "handle");
  EXPECT_EQ(bits(scan_tree().find_path("/file")->differs), "");
  set_xattr(lower(0, "/file"), "security.selinux", "another");
  EXPECT_EQ(bits(scan_tree().find_path("/file")->differs), "xattr");
}

TEST_F(ScannerTest, ContentIsReadAgainWhenItMayHaveChanged) {
  put(lower(0, "/file"), "image");
  put(upper("/file"), "image");
  age_lowers();
  Scanner scanner(layers(), {}, system_clock());
  UpperTree tree;
  tree.apply(scanner.scan({}));
  EXPECT_FALSE(tree.find_path("/file")->differs.content);
  put(upper("/file"), "other");
  tree.apply(scanner.scan({}));
  EXPECT_TRUE(tree.find_path("/file")->differs.content);
}

TEST_F(ScannerTest, RootItselfIsCompared) {
  put(upper("/file"), "x");
  ASSERT_EQ(::chmod(upper().c_str(), 0777), 0);
  const ScanResult result = Scanner(layers(), {}, system_clock()).scan({});
  ASSERT_FALSE(result.entries.empty());
  EXPECT_EQ(result.entries[0].change, Change::changed);
  EXPECT_EQ(bits(result.entries[0].differs), "mode");
}

TEST_F(ScannerTest, TenThousandEntries) {
  for (int i = 0; i < 100; ++i) {
    const std::string dir = upper("/d" + std::to_string(i));
    make_dir(dir);
    for (int j = 0; j < 100; ++j) put(dir + "/" + std::to_string(j), "");
  }
  const UpperTree tree = scan_tree();
  EXPECT_EQ(tree.size(), 10101u);
  EXPECT_EQ(tool_lines(tree, kPodman).size(), 10100u);
}

}  // namespace
}  // namespace stillframe::drift::test
