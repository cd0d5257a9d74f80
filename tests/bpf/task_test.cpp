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
  bool renames;
  std::int32_t entry;
};

TEST_P(Task, KnowsSystemCalls) {
  enum { kRead, kCopy, kSelf, kXattr, kWrite, kOther };
  const CallCase cases[] = {
      {__NR_read, kRead, false, false, -1},
      {__NR_mmap, kRead, false, false, -1},
      {__NR_pwritev2, kWrite, true, false, -1},
      {__NR_splice, kCopy, false, false, -1},
      {__NR_fchmodat, kSelf, false, false, -1},
      {__NR_ioctl, kSelf, false, false, -1},
      {__NR_lsetxattr, kXattr, false, false, -1},
      {__NR_truncate, kOther, false, false, -1},
      {__NR_unlinkat, kOther, false, false, 1},
      {__NR_renameat2, kOther, false, true, 1},
      {__NR_symlinkat, kOther, false, false, 2},
      {__NR_linkat, kOther, false, false, 3},
#ifdef __NR_open
      {__NR_open, kOther, false, false, 0},
      {__NR_link, kOther, false, false, 1},
      {__NR_rename, kOther, false, true, 0},
#endif
      {__NR_getpid, kOther, false, false, -1},
      {SF_NR_PAGE_FAULT, kOther, false, false, -1},
      {SF_NR_NONE, kOther, false, false, -1},
  };
  for (const CallCase& one : cases) {
    test_syscall test{};
    test.nr = one.nr;
    run(object_->progs.system_call, test);
    EXPECT_EQ(test.changes, one.changes) << one.nr;
    EXPECT_EQ(test.writes != 0, one.writes) << one.nr;
    EXPECT_EQ(test.renames != 0, one.renames) << one.nr;
    EXPECT_EQ(test.entry, one.entry) << one.nr;
    // Of the table of another architecture: nothing is known.
    test = {};
    test.nr = one.nr;
    test.compat = 1;
    run(object_->progs.system_call, test);
    EXPECT_EQ(test.changes, kOther) << one.nr;
    EXPECT_EQ(test.writes, 0u) << one.nr;
    EXPECT_EQ(test.renames, 0u) << one.nr;
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

}  // namespace
}  // namespace stillframe::sensors
