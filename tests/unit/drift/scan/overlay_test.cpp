// SPDX-License-Identifier: Apache-2.0
//
// Operations through a real overlay mount: what the scan says of each, and that
// partial scans arrive at the same tree as a full one.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>

#include "agent/base/fd.h"
#include "tests/unit/drift/scan/fixture.h"

namespace stillframe::drift::test {
namespace {

namespace fs = std::filesystem;

#define SKIP_WITHOUT_OVERLAY(root)                                         \
  if ((root).empty())                                                      \
  GTEST_SKIP() << "cannot mount overlay here: it takes CAP_SYS_ADMIN and " \
                  "the overlay module"

struct Expected {
  std::string path;
  Change change;  // `none` and gone: no such entry, or one that is equal
  std::string differs;
  Change podman;  // the line that podman would print
};

struct Operation {
  std::string name;
  std::function<void(const std::string& root)> run;
  std::vector<Expected> expected;
};

constexpr Change kA = Change::added;
constexpr Change kC = Change::changed;
constexpr Change kD = Change::deleted;
constexpr Change kNone = Change::none;

std::string acl_for_user(std::uint32_t uid) {
  struct Slot {
    std::uint16_t tag, perm;
    std::uint32_t id;
  };
  const Slot slots[] = {{1, 6, 0xffffffff},
                        {2, 4, uid},
                        {4, 4, 0xffffffff},
                        {0x10, 4, 0xffffffff},
                        {0x20, 4, 0xffffffff}};
  const std::uint32_t version = 2;
  std::string out(reinterpret_cast<const char*>(&version), sizeof version);
  return out.append(reinterpret_cast<const char*>(slots), sizeof slots);
}

std::string capability() {
  const std::uint32_t data[5] = {0x02000001, 1u << 10, 0, 0, 0};
  return {reinterpret_cast<const char*>(data), sizeof data};
}

void store_through_mapping(const std::string& path) {
  if (fs::file_size(path) == 0) append(path, "x");
  const Fd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  void* map = ::mmap(nullptr, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  must(map != MAP_FAILED, path);
  *static_cast<char*>(map) = 'M';
  ::munmap(map, 1);
}

void rename_to(const std::string& from, const std::string& to,
               unsigned flags = 0) {
  must(::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) == 0,
       from);
}

using Root = const std::string&;

// The fixture's lower layers: see OverlayTest::SetUp().
const std::vector<Operation>& operations() {
  static const std::vector<Operation> all = {
      {"create a file",
       [](Root r) { put(r + "/d/new", "x"); },
       {{"/d/new", kA, "", kA}, {"/d", kNone, "time", kC}}},
      {"append",
       [](Root r) { append(r + "/f", "more"); },
       {{"/f", kC, "content time", kC}}},
      {"truncate",
       [](Root r) { must(::truncate((r + "/f").c_str(), 0) == 0, r); },
       {{"/f", kC, "content time", kC}}},
      {"store through a mapping",
       [](Root r) { store_through_mapping(r + "/f"); },
       {{"/f", kC, "content time", kC}}},
      {"other bytes, size and mtime kept",
       [](Root r) {
         put(r + "/f", "ONE");
         set_mtime(r + "/f", kOldTime, kOldNs);
       },
       {{"/f", kC, "content", kC}}},
      {"written back as it was",
       [](Root r) {
         put(r + "/f", "one");
         set_mtime(r + "/f", kOldTime, kOldNs);
       },
       {{"/f", kC, "", kC}}},
      {"open for writing, write nothing",
       [](Root r) { const Fd fd(::open((r + "/f").c_str(), O_RDWR)); },
       {{"/f", kC, "", kC}}},
      {"unlink", [](Root r) { fs::remove(r + "/f"); }, {{"/f", kD, "", kD}}},
      {"unlink and make again",
       [](Root r) {
         fs::remove(r + "/f");
         put(r + "/f", "one");
       },
       {{"/f", kC, "time", kC}}},
      {"unlink in the middle layer",
       [](Root r) { fs::remove(r + "/d/b"); },
       {{"/d/b", kD, "", kD}}},
      {"remove an empty directory",
       [](Root r) { fs::remove(r + "/empty"); },
       {{"/empty", kD, "", kD}}},
      {"remove a tree",
       [](Root r) { remove_tree(r + "/tree"); },
       {{"/tree", kD, "", kD}}},
      {"rename a new file over a lower one",
       [](Root r) {
         put(r + "/d/n", "other");
         rename_to(r + "/d/n", r + "/d/a");
       },
       {{"/d/a", kC, "content time", kC}, {"/d", kNone, "time", kC}}},
      {"rename a lower file",
       [](Root r) { rename_to(r + "/f", r + "/f2"); },
       {{"/f2", kA, "", kA}, {"/f", kD, "", kD}}},
      {"exchange two files",
       [](Root r) { rename_to(r + "/f", r + "/g", RENAME_EXCHANGE); },
       {{"/f", kC, "content", kC}, {"/g", kC, "content", kC}}},
      {"hard link to a lower file",
       [](Root r) { fs::create_hard_link(r + "/g", r + "/g2"); },
       {{"/g", kC, "", kC}, {"/g2", kA, "", kA}}},
      {"swap a symbolic link",
       [](Root r) {
         fs::remove(r + "/link");
         fs::create_symlink("g", r + "/link");
       },
       {{"/link", kC, "content time", kC}}},
      {"new symbolic link",
       [](Root r) { fs::create_symlink("/nowhere", r + "/link2"); },
       {{"/link2", kA, "", kA}}},
      {"chmod",
       [](Root r) { must(::chmod((r + "/f").c_str(), 0600) == 0, r); },
       {{"/f", kC, "mode", kC}}},
      {"set-uid bit",
       [](Root r) { must(::chmod((r + "/f").c_str(), 04644) == 0, r); },
       {{"/f", kC, "mode", kC}}},
      {"chown",
       [](Root r) { must(::chown((r + "/f").c_str(), 5, 6) == 0, r); },
       {{"/f", kC, "owner", kC}}},
      {"chown of a symbolic link",
       [](Root r) { must(::lchown((r + "/link").c_str(), 5, 6) == 0, r); },
       {{"/link", kC, "owner", kC}}},
      {"mtime, one nanosecond",
       [](Root r) { set_mtime(r + "/f", kOldTime, kOldNs + 1); },
       {{"/f", kC, "time", kC}}},
      {"extended attribute",
       [](Root r) { set_xattr(r + "/f", "user.note", "x"); },
       {{"/f", kC, "xattr", kC}}},
      {"file capability",
       [](Root r) { set_xattr(r + "/f", "security.capability", capability()); },
       {{"/f", kC, "xattr", kC}}},
      {"access control list",
       [](Root r) {
         set_xattr(r + "/f", "system.posix_acl_access", acl_for_user(7));
       },
       {{"/f", kC, "acl", kC}}},
      {"FIFO",
       [](Root r) { must(::mkfifo((r + "/p").c_str(), 0600) == 0, r); },
       {{"/p", kA, "", kA}}},
      {"device",
       [](Root r) {
         must(::mknod((r + "/n").c_str(), S_IFCHR | 0600, makedev(1, 3)) == 0,
              r);
       },
       {{"/n", kA, "", kA}}},
      {"chmod of a directory",
       [](Root r) { must(::chmod((r + "/d").c_str(), 0700) == 0, r); },
       {{"/d", kC, "mode", kC}}},
      {"chown of a directory: podman says nothing",
       [](Root r) { must(::chown((r + "/d").c_str(), 5, 5) == 0, r); },
       {{"/d", kC, "owner", kNone}}},
      {"attribute of a directory: podman says nothing",
       [](Root r) { set_xattr(r + "/d", "user.note", "x"); },
       {{"/d", kC, "xattr", kNone}}},
      {"mtime of a directory",
       [](Root r) { set_mtime(r + "/d", kOldTime, 5); },
       {{"/d", kC, "time", kC}}},
      {"a directory in which something was for a while",
       [](Root r) {
         put(r + "/d/temporary", "");
         fs::remove(r + "/d/temporary");
       },
       {{"/d", kC, "time", kC}}},
      {"chmod deep down: directories above are equal",
       [](Root r) { must(::chmod((r + "/tree/x/y").c_str(), 0600) == 0, r); },
       {{"/tree/x/y", kC, "mode", kC},
        {"/tree/x", kNone, "", kNone},
        {"/tree", kNone, "", kNone}}},
      {"new directory with a file",
       [](Root r) {
         make_dir(r + "/made");
         put(r + "/made/x", "x");
       },
       {{"/made", kA, "", kA}, {"/made/x", kA, "", kA}}},
      {"rename a new directory",
       [](Root r) {
         make_dir(r + "/made/in");
         put(r + "/made/in/x", "x");
         rename_to(r + "/made", r + "/made2");
       },
       {{"/made2", kA, "", kA}, {"/made2/in/x", kA, "", kA}}},
      {"directory made again",
       [](Root r) {
         remove_tree(r + "/d");
         make_dir(r + "/d");
         put(r + "/d/a", "dal");
         put(r + "/d/z", "new");
       },
       {{"/d", kC, "time opaque", kD},
        {"/d/a", kC, "time", kC},
        {"/d/z", kA, "", kA}}},
      {"file becomes a directory",
       [](Root r) {
         fs::remove(r + "/f");
         make_dir(r + "/f/sub");
       },
       {{"/f", kC, "type", kD}, {"/f/sub", kA, "", kA}}},
      {"directory becomes a file",
       [](Root r) {
         remove_tree(r + "/tree");
         put(r + "/tree", "x");
       },
       {{"/tree", kC, "type", kC}}},
      {"made where the middle layer had deleted it",
       [](Root r) { put(r + "/d/c", "back"); },
       {{"/d/c", kA, "", kA}}},
      {"made where a lower directory is opaque: podman looks through it",
       [](Root r) { put(r + "/o/q", "back"); },
       {{"/o/q", kA, "", kC}}},
      {"the image's own name with a newline",
       [](Root r) { put(r + "/d/new\nline", "x"); },
       {{"/d/new\nline", kA, "", kA}}},
  };
  return all;
}

class OverlayTest : public Layers {
 protected:
  void SetUp() override {
    make_dir(lower(2, "/d"));
    make_dir(lower(2, "/o"));
    make_dir(lower(2, "/tree/x"));
    make_dir(lower(2, "/empty"));
    put(lower(2, "/d/a"), "dal");
    put(lower(2, "/d/b"), "bottom");
    put(lower(2, "/d/c"), "gone");
    put(lower(2, "/f"), "one");
    put(lower(2, "/g"), "two!");
    put(lower(2, "/o/p"), "p");
    put(lower(2, "/o/q"), "q");
    put(lower(2, "/tree/x/y"), "y");
    fs::create_symlink("f", lower(2, "/link"));
    make_dir(lower(1, "/d"));
    put(lower(1, "/d/b"), "middle");
    whiteout(lower(1, "/d/c"));
    make_dir(lower(0, "/o"));
    set_xattr(lower(0, "/o"), "trusted.overlay.opaque", "y");
    put(lower(0, "/o/p"), "P");
    age_lowers();
  }
};

class OperationTest : public OverlayTest,
                      public ::testing::WithParamInterface<std::size_t> {};

TEST_P(OperationTest, IsSeenForWhatItIs) {
  const Operation& operation = operations()[GetParam()];
  SCOPED_TRACE(operation.name);
  const std::string root = mount_overlay();
  SKIP_WITHOUT_OVERLAY(root);
  operation.run(root);
  const UpperTree tree = scan_tree();
  for (const Expected& expected : operation.expected) {
    SCOPED_TRACE(expected.path);
    const Entry* entry = tree.find_path(expected.path);
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(entry->change, expected.change);
    EXPECT_EQ(bits(entry->differs), expected.differs);
    EXPECT_EQ(tree.line_of(*entry, DiffTool::podman), expected.podman);
    EXPECT_EQ(entry->whiteout, expected.change == kD);
  }
}

INSTANTIATE_TEST_SUITE_P(All, OperationTest,
                         ::testing::Range(std::size_t{0}, operations().size()));

// One after the other on top of each other, where they can be, looking only at
// the directories that the tree knows.
TEST_F(OverlayTest, PartialScansArriveAtTheTreeOfAFullScan) {
  const std::string root = mount_overlay();
  SKIP_WITHOUT_OVERLAY(root);
  Scanner scanner(layers(), {}, system_clock());
  UpperTree tree;
  tree.apply(scanner.scan({}));
  for (const Operation& operation : operations()) {
    SCOPED_TRACE(operation.name);
    try {
      operation.run(root);
    } catch (const std::exception&) {
      continue;  // what an earlier one removed
    }
    std::vector<PartialTask> tasks{{"", tree.root(), true, {}}};
    tree.for_each([&](const UpperTree::Place& at, const Entry& entry) {
      const std::string& path = at.path;
      if (entry.directory() && !entry.whiteout) {
        tasks.push_back({path, entry.inode, true, {}});
      }
    });
    tree.apply(scanner.scan(tasks, {}));
    ASSERT_EQ(dump(tree), dump(scan_tree()));
  }
  EXPECT_GT(tree.size(), 20u);
}

struct Flags {
  std::string path;
  std::vector<int> set;  // one after the other
  std::string differs;
};

TEST_F(OverlayTest, FlagsThatChattrSetsAreCompared) {
  const Flags cases[] = {
      {"/f", {FS_IMMUTABLE_FL}, "flags"},
      {"/g", {FS_APPEND_FL}, "flags"},
      {"/d/a", {FS_NOATIME_FL}, "flags"},
      {"/d/b", {FS_IMMUTABLE_FL, 0}, ""},
      {"/o/p", {FS_NODUMP_FL, FS_NODUMP_FL | FS_APPEND_FL, 0}, ""},
      {"/tree", {FS_APPEND_FL}, "flags"},
  };
  const std::string root = mount_overlay();
  SKIP_WITHOUT_OVERLAY(root);
  for (const Flags& one : cases) {
    const Fd fd(::open((root + one.path).c_str(), O_RDONLY | O_CLOEXEC));
    for (int flags : one.set) {
      if (::ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0) continue;
      GTEST_SKIP() << "this filesystem has no flags: " << std::strerror(errno);
    }
  }
  const UpperTree tree = scan_tree();
  for (const Flags& one : cases) {
    SCOPED_TRACE(one.path);
    ASSERT_NE(tree.find_path(one.path), nullptr);
    EXPECT_EQ(bits(tree.find_path(one.path)->differs), one.differs);
    EXPECT_EQ(tree.find_path(one.path)->change, kC);
  }
}

TEST_F(OverlayTest, WhiteoutsShareAnInodeAndAreNotFoundByIt) {
  const std::string root = mount_overlay();
  SKIP_WITHOUT_OVERLAY(root);
  fs::remove(root + "/f");
  fs::remove(root + "/d/b");
  const UpperTree tree = scan_tree();
  const Entry* whiteout = tree.find_path("/f");
  ASSERT_NE(whiteout, nullptr);
  EXPECT_EQ(tree.find(whiteout->inode), nullptr);
  EXPECT_TRUE(tree.aliases(whiteout->inode)->all.empty());
}

TEST_F(OverlayTest, NestedThousandsOfLevelsDeep) {
  const std::string root = mount_overlay();
  SKIP_WITHOUT_OVERLAY(root);
  constexpr int kDepth = 2000;
  Fd at(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int i = 0; i < kDepth; ++i) {
    must(::mkdirat(at, "deep", 0755) == 0, "mkdir");
    Fd next(::openat(at, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    at = std::move(next);
  }
  const UpperTree tree = scan_tree();
  EXPECT_EQ(tree.size(), kDepth + 1u);
  EXPECT_EQ(tool_lines(tree, kPodman).size(), std::size_t{kDepth});
}

}  // namespace
}  // namespace stillframe::drift::test
