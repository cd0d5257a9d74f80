// SPDX-License-Identifier: Apache-2.0
#include <asm/unistd.h>

#include <filesystem>

#include "agent/base/file.h"
#include "tests/bpf/inlines.h"

namespace stillframe::sensors {
namespace {

using Task = Inlines;
INSTANTIATE_TEST_SUITE_P(Reads, Task, ::testing::Bool(), reads);

struct CallCase {
  std::int32_t nr;
  std::uint32_t changes;  // enum change_class of bpf/lib/syscalls.h
  bool writes;
  sf_op op;
  std::int32_t entry;
};

TEST_P(Task, KnowsSystemCalls) {
  enum { kRead, kCopy, kSelf, kXattr, kWrite, kOther };
  const CallCase cases[] = {
      {__NR_read, kRead, false, SF_OP_unknown, -1},
      {__NR_mmap, kRead, false, SF_OP_unknown, -1},
      {__NR_pwritev2, kWrite, true, SF_OP_write, -1},
      {__NR_splice, kCopy, false, SF_OP_write, -1},
      {__NR_fchmodat, kSelf, false, SF_OP_chmod, -1},
      {__NR_ioctl, kSelf, false, SF_OP_flags, -1},
      {__NR_lsetxattr, kXattr, false, SF_OP_xattr, -1},
      {__NR_truncate, kOther, false, SF_OP_truncate, -1},
      {__NR_unlinkat, kOther, false, SF_OP_unlink, 1},
      {__NR_renameat2, kOther, false, SF_OP_rename, 1},
      {__NR_symlinkat, kOther, false, SF_OP_symlink, 2},
      {__NR_linkat, kOther, false, SF_OP_link, 3},
#ifdef __NR_open
      {__NR_open, kOther, false, SF_OP_open, 0},
      {__NR_link, kOther, false, SF_OP_link, 1},
      {__NR_rename, kOther, false, SF_OP_rename, 0},
#endif
      {__NR_getpid, kOther, false, SF_OP_unknown, -1},
      {SF_NR_PAGE_FAULT, kOther, false, SF_OP_unknown, -1},
      {SF_NR_NONE, kOther, false, SF_OP_unknown, -1},
  };
  for (const CallCase& one : cases) {
    test_syscall test{};
    test.nr = one.nr;
    run(object_->progs.system_call, test);
    EXPECT_EQ(test.changes, one.changes) << one.nr;
    EXPECT_EQ(test.writes != 0, one.writes) << one.nr;
    EXPECT_EQ(test.op, one.op) << one.nr;
    EXPECT_EQ(test.entry, one.entry) << one.nr;
    // Of the table of another architecture: nothing is known.
    test = {};
    test.nr = one.nr;
    test.compat = 1;
    run(object_->progs.system_call, test);
    EXPECT_EQ(test.changes, kOther) << one.nr;
    EXPECT_EQ(test.writes, 0u) << one.nr;
    EXPECT_EQ(test.op, SF_OP_unknown) << one.nr;
  }
}

TEST_P(Task, KnowsTheTaskAndItsCgroup) {
  test_process test{};
  run(object_->progs.process, test);
  EXPECT_EQ(test.process.pid, static_cast<std::uint32_t>(::getpid()));
  EXPECT_EQ(test.process.ppid, static_cast<std::uint32_t>(::getppid()));
  EXPECT_EQ(test.process.uid, ::getuid());
  EXPECT_EQ(test.process.flags, SF_PROCESS_HOST_MNT_NS);
  EXPECT_STREQ(test.process.exe, "bpf_inlines_test");
  EXPECT_NE(test.process.cgroup, 0u);
  // "0::/system.slice/x.service": the last component; the root has no name.
  const auto text = read_file("/proc/self/cgroup");
  ASSERT_TRUE(text);
  const auto at = text->find("0::");
  ASSERT_NE(at, std::string::npos);
  const auto line = text->substr(at + 3, text->find('\n', at) - at - 3);
  const auto name = std::filesystem::path(line).filename().string();
  EXPECT_EQ(std::string(test.cgroup), name);
}

struct HomeCase {
  const char* name;
  std::uint64_t here;    // family of the cgroup it is in; 0: no container's
  std::uint64_t origin;  // family of what it descends from; 0: that is gone
  bool descends;
  bool at_origin;  // `process.cgroup` is its origin's
  std::uint32_t flags;
};

TEST_P(Task, BelongsToWhatItDescendsFromWhereverItIs) {
  constexpr std::uint64_t kOrigin = 77;
  constexpr auto kIn = SF_PROCESS_IN_CONTAINER;
  constexpr auto kFollowed = SF_PROCESS_FOLLOWED;
  const HomeCase cases[] = {
      {"of the host", 0, 0, false, false, 0},
      {"put into a container", 1, 0, false, false, kIn},
      {"left for the root", 0, 1, true, true, kIn | kFollowed},
      {"moved to another's", 2, 1, true, true, kIn | kFollowed},
      {"moved within", 1, 1, true, false, kIn | kFollowed},
      {"outlived it", 0, 0, true, false, kFollowed},
      {"outlived it in another's", 2, 0, true, false, kIn},
  };
  test_process test{};
  run(object_->progs.process, test);
  const std::uint64_t here = test.process.cgroup;
  const std::uint32_t self = test.process.pid;
  const auto remove = [](bpf_map* map, const auto& key) {
    bpf_map_delete_elem(bpf_map__fd(map), &key);
  };
  for (const HomeCase& one : cases) {
    remove(object_->maps.cgroups, here);
    remove(object_->maps.cgroups, kOrigin);
    remove(object_->maps.processes, self);
    sf_cgroup_state state{};
    state.family = one.here;
    if (one.here != 0) put(object_->maps.cgroups, here, state);
    state.family = one.origin;
    if (one.origin != 0) put(object_->maps.cgroups, kOrigin, state);
    if (one.descends) {
      put(object_->maps.processes, self,
          sf_followed{5, kOrigin, 0, start_ticks_of(self), 0});
    }
    run(object_->progs.process, test);
    EXPECT_EQ(test.process.cgroup, one.at_origin ? kOrigin : here) << one.name;
    EXPECT_EQ(test.process.flags, one.flags | SF_PROCESS_HOST_MNT_NS)
        << one.name;
    EXPECT_EQ(test.process.session, one.flags & kFollowed ? 5u : 0u)
        << one.name;
  }
}

}  // namespace
}  // namespace stillframe::sensors
