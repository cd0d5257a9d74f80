// SPDX-License-Identifier: Apache-2.0
//
// The kernel side's inline functions on this kernel: what the verifier takes
// and what they then do, without a container and without attaching anything.
#include <asm/unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "agent/base/fd.h"
#include "agent/base/file.h"
#include "agent/model/inode_identity.h"
#include "agent/sensors/kernel_facts.h"
#include "agent/sensors/kernel_types.h"
#include "inlines.skel.h"
#include "tests/bpf/kernel/inlines.h"

namespace stillframe::sensors {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

// What is needed beyond BPF itself, and the reason to skip; empty: nothing.
std::string missing_capability() {
  struct Need {
    int number;
    const char* name;
  };
  constexpr Need kNeeds[] = {{CAP_BPF, "CAP_BPF"},
                             {CAP_PERFMON, "CAP_PERFMON"},
                             {CAP_SYS_ADMIN, "CAP_SYS_ADMIN"},
                             {CAP_SYS_CHROOT, "CAP_SYS_CHROOT"}};
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  if (::syscall(SYS_capget, &header, data) != 0) return "capget(2)";
  for (const Need& need : kNeeds) {
    if ((data[need.number / 32].effective >> (need.number % 32) & 1) == 0) {
      return need.name;
    }
  }
  return "";
}

struct Free {
  void operator()(inlines* object) const { inlines::destroy(object); }
  void operator()(ring_buffer* ring) const { ring_buffer__free(ring); }
};

constexpr std::uint32_t kBudget = 3;

// Runs each test with both ways to read kernel memory.
class Inlines : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (const auto missing = missing_capability(); !missing.empty()) {
      GTEST_SKIP() << "needs " << missing;
    }
    const auto types = KernelTypes::load();
    ASSERT_TRUE(types) << types.error().message;
    auto config = kernel_facts("", *types);
    ASSERT_TRUE(config) << config.error().message;
    if (GetParam() && config->typed_reads == 0) {
      GTEST_SKIP() << "this kernel has no bpf_rdonly_cast()";
    }
    config->typed_reads = GetParam() ? 1 : 0;
    config->budget_per_second = kBudget;
    object_.reset(inlines::open());
    ASSERT_TRUE(object_);
    bpf_map__set_initial_value(
        bpf_object__find_map_by_name(object_->obj, ".rodata.config"), &*config,
        sizeof *config);
    // So that a test can fill it.
    bpf_map__set_max_entries(object_->maps.events,
                             static_cast<std::uint32_t>(::getpagesize()));
    ASSERT_EQ(inlines::load(object_.get()), 0) << std::strerror(errno);
    ring_.reset(ring_buffer__new(
        bpf_map__fd(object_->maps.events),
        [](void* to, void* data, std::size_t size) {
          const auto* bytes = static_cast<const char*>(data);
          static_cast<std::vector<std::string>*>(to)->emplace_back(
              bytes, bytes + size);
          return 0;
        },
        &taken_, nullptr));
    ASSERT_TRUE(ring_);
  }

  // The fourth argument is none of bpf(2)'s: see system_call.
  template <typename Test>
  void run(bpf_program* program, Test& test) {
    bpf_attr attr{};
    attr.test.prog_fd = static_cast<std::uint32_t>(bpf_program__fd(program));
    attr.test.ctx_in = reinterpret_cast<std::uintptr_t>(&test);
    attr.test.ctx_size_in = sizeof test;
    ASSERT_EQ(
        ::syscall(__NR_bpf, BPF_PROG_TEST_RUN, &attr, sizeof attr, 0x5151ul), 0)
        << std::strerror(errno);
  }

  test_fold fold(const sf_change_key& key, bool pending = false) {
    test_fold test{};
    test.key = key;
    test.pending = pending ? 1 : 0;
    run(object_->progs.fold, test);
    return test;
  }

  // The events that wait, by type.
  std::vector<std::uint16_t> events() {
    taken_.clear();
    ring_buffer__consume(ring_.get());
    std::vector<std::uint16_t> types;
    for (const auto& event : taken_) {
      sf_header header{};
      std::memcpy(&header, event.data(), sizeof header);
      types.push_back(header.type);
    }
    return types;
  }

  void fill_ring() {
    sf_change_key key{};
    key.nr = 1'000'000;
    do {
      ++key.ino;
    } while (fold(key).sent != 0);
  }

  std::uint64_t lost(sf_loss reason) {
    std::vector<std::uint64_t> values(
        static_cast<std::size_t>(libbpf_num_possible_cpus()));
    const std::uint32_t key = reason;
    bpf_map_lookup_elem(bpf_map__fd(object_->maps.losses), &key, values.data());
    std::uint64_t total = 0;
    for (const auto value : values) total += value;
    return total;
  }

  template <typename Key, typename Value>
  void put(bpf_map* map, const Key& key, const Value& value) {
    ASSERT_EQ(bpf_map_update_elem(bpf_map__fd(map), &key, &value, BPF_ANY), 0)
        << std::strerror(errno);
  }

  std::unique_ptr<inlines, Free> object_;
  std::vector<std::string> taken_;
  std::unique_ptr<ring_buffer, Free> ring_;
};

INSTANTIATE_TEST_SUITE_P(Reads, Inlines, ::testing::Bool(),
                         [](const auto& info) {
                           return info.param ? "typed" : "copied";
                         });

sf_change_key key_of(std::uint64_t ino) {
  sf_change_key key{};
  key.ino = ino;
  key.nr = -100;
  return key;
}

TEST_P(Inlines, WhatRepeatsWithinASecondIsCounted) {
  EXPECT_EQ(fold(key_of(1)).sent, 1u);
  EXPECT_EQ(fold(key_of(1)).folded, 1u);
  EXPECT_EQ(fold(key_of(2)).sent, 1u);
  // As if the first had been longer ago.
  put(object_->maps.changes, key_of(1), sf_change_state{0, 7, 0});
  const auto later = fold(key_of(1));
  EXPECT_EQ(later.sent, 1u);
  EXPECT_EQ(later.repeats, 7u);
}

TEST_P(Inlines, WhatIsPendingIsFoldedUntilItIsTakenOut) {
  EXPECT_EQ(fold(key_of(1), true).sent, 1u);
  put(object_->maps.changes, key_of(1), sf_change_state{0, 0, 0});
  EXPECT_EQ(fold(key_of(1), true).folded, 1u);
  const auto key = key_of(1);
  bpf_map_delete_elem(bpf_map__fd(object_->maps.changes), &key);
  EXPECT_EQ(fold(key_of(1), true).sent, 1u);
}

TEST_P(Inlines, AKeyIsGivenBackWhereTheRingBufferIsFull) {
  fill_ring();
  const auto before = lost(SF_LOSS_ringbuf_full);
  for (int i = 0; i < 2; ++i) {
    const auto refused = fold(key_of(1));
    EXPECT_EQ(refused.folded, 0u);
    EXPECT_EQ(refused.sent, 0u);
  }
  EXPECT_EQ(lost(SF_LOSS_ringbuf_full), before + 2);
  events();
  EXPECT_EQ(fold(key_of(1)).sent, 1u);
}

class Changes : public Inlines {
 protected:
  void SetUp() override {
    Inlines::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    put(object_->maps.roots, root_, sf_root_state{});
  }
  bool folded(std::uint64_t ino, bool entries = false) {
    test_change test{};
    test.root = root_;
    test.inode = {ino, 1, root_.dev};
    test.nr = __NR_write;
    test.entries = entries ? 1 : 0;
    run(object_->progs.change, test);
    return test.folded != 0;
  }
  sf_inode root_{2, 1, 77};
};

INSTANTIATE_TEST_SUITE_P(Reads, Changes, ::testing::Bool(),
                         [](const auto& info) {
                           return info.param ? "typed" : "copied";
                         });

TEST_P(Changes, OfFilesAreFoldedAndTheirKeysGivenBack) {
  EXPECT_FALSE(folded(3));
  EXPECT_TRUE(folded(3));
  EXPECT_THAT(events(), ElementsAre(SF_EVENT_FILE));
  fill_ring();
  EXPECT_FALSE(folded(4));
  EXPECT_FALSE(folded(4));
  events();
  put(object_->maps.roots, root_, sf_root_state{});  // the budget is used up
  EXPECT_FALSE(folded(4));
  EXPECT_THAT(events(), ElementsAre(SF_EVENT_FILE));
  EXPECT_TRUE(folded(4));
}

// The agent gives such a key back when it takes the event out.
TEST_P(Changes, OfEntriesOverTheBudgetAreNotLeftPending) {
  for (std::uint64_t ino = 10; ino < 10 + kBudget; ++ino) folded(ino);
  EXPECT_FALSE(folded(20, true));
  EXPECT_FALSE(folded(20, true));
  EXPECT_THAT(events(), ElementsAre(SF_EVENT_FILE, SF_EVENT_FILE, SF_EVENT_FILE,
                                    SF_EVENT_BUDGET));
}

TEST_P(Changes, OverTheBudgetAreReportedOnceASecond) {
  const auto over = [&] {
    test_budget test{};
    test.root = root_;
    run(object_->progs.budget, test);
    return test.over != 0;
  };
  for (std::uint32_t i = 0; i < kBudget; ++i) EXPECT_FALSE(over());
  fill_ring();
  EXPECT_TRUE(over());  // and that finds no room
  events();
  EXPECT_TRUE(over());
  EXPECT_TRUE(over());
  EXPECT_THAT(events(), ElementsAre(SF_EVENT_BUDGET));
  // As if the window had begun longer ago.
  sf_root_state state{};
  state.used = kBudget;
  put(object_->maps.roots, root_, state);
  EXPECT_FALSE(over());
}

struct CallCase {
  std::int32_t nr;
  std::uint32_t changes;  // enum change_class of bpf/lib/syscalls.h
  bool writes;
  bool renames;
  std::int32_t entry;
};

TEST_P(Inlines, KnowsSystemCalls) {
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

TEST_P(Inlines, KnowsTheTaskAndItsCgroup) {
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

// A rootfs of the calling thread's own, gone with it.
class Rootfs : public Inlines {
 protected:
  struct Judged {
    bool foreign;
    std::uint32_t kind;
    std::uint64_t ino;
  };
  Judged judged(int fd, const sf_inode& root = {}) {
    test_file test{};
    test.root = root;
    test.fd = static_cast<std::uint32_t>(fd);
    run(object_->progs.judge, test);
    return {test.found != 0, test.kind, test.inode.ino};
  }

  // Runs `test` in a thread with a tmpfs at /tmp that nobody else sees.
  static void on_own_ground(const std::function<void()>& test) {
    std::thread([&] {
      ASSERT_EQ(::unshare(CLONE_NEWNS | CLONE_FS), 0) << std::strerror(errno);
      ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr),
                0);
      ASSERT_EQ(::mount("tmpfs", "/tmp", "tmpfs", 0, nullptr), 0);
      test();
    }).join();
  }

  static Fd made(const std::string& path) {
    Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0755));
    EXPECT_GE(fd, 0) << path << ": " << std::strerror(errno);
    return fd;
  }
};

INSTANTIATE_TEST_SUITE_P(Reads, Rootfs, ::testing::Bool(),
                         [](const auto& info) {
                           return info.param ? "typed" : "copied";
                         });

TEST_P(Rootfs, FilesWithoutANameAreForeign) {
  const Fd memfd(::memfd_create("code", MFD_CLOEXEC));
  EXPECT_TRUE(judged(memfd).foreign);
  EXPECT_EQ(judged(memfd).kind, SF_EXEC_MEMFD);
  on_own_ground([&] {
    // Also one that has the name of what the kernel shares.
    for (const char* path : {"/tmp/removed", "/tmp/SYSV00000000"}) {
      const Fd fd = made(path);
      ASSERT_EQ(::unlink(path), 0);
      EXPECT_TRUE(judged(fd).foreign) << path;
      EXPECT_EQ(judged(fd).kind, SF_EXEC_DELETED) << path;
    }
  });
}

TEST_P(Rootfs, OfAnOverlayTheUpperFilesAreForeign) {
  on_own_ground([&] {
    for (const char* name : {"lower", "upper", "work", "merged"}) {
      ASSERT_EQ(::mkdir((std::string("/tmp/") + name).c_str(), 0755), 0);
    }
    made("/tmp/lower/image");
    if (::mount("overlay", "/tmp/merged", "overlay", 0,
                "lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work") !=
        0) {
      GTEST_SKIP() << "no overlay can be mounted here";
    }
    const Fd volume = made("/tmp/volume");
    const Fd upper(::open("/tmp/upper", O_PATH | O_DIRECTORY | O_CLOEXEC));
    ASSERT_EQ(::chroot("/tmp/merged"), 0);
    const Fd image(::open("/image", O_RDONLY | O_CLOEXEC));
    EXPECT_FALSE(judged(image).foreign);
    EXPECT_TRUE(judged(volume).foreign);
    EXPECT_EQ(judged(volume).kind, SF_EXEC_VOLUME);
    const Fd added = made("/added");
    struct stat below{};
    ASSERT_EQ(::fstatat(upper, "added", &below, 0), 0);
    EXPECT_TRUE(judged(added).foreign);
    EXPECT_EQ(judged(added).kind, SF_EXEC_UPPER);
    EXPECT_EQ(judged(added).ino, below.st_ino);
  });
}

TEST_P(Rootfs, OfADirectoryWhatIsYoungerIsForeign) {
  on_own_ground([&] {
    const Fd file = made("/tmp/program");
    ASSERT_EQ(::chroot("/tmp"), 0);
    struct Case {
      std::int64_t since_ns;
      bool foreign;
    };
    const sf_inode root{1, 2, 3};
    EXPECT_FALSE(judged(file, root).foreign);  // nobody knows its rootfs
    for (const Case& one : {Case{1, true}, Case{INT64_MAX, false}}) {
      sf_root_state state{};
      state.since_ns = one.since_ns;
      put(object_->maps.roots, root, state);
      EXPECT_EQ(judged(file, root).foreign, one.foreign) << one.since_ns;
    }
  });
}

TEST_P(Rootfs, APathIsReadUpToTheTasksRoot) {
  on_own_ground([&] {
    ASSERT_EQ(::mkdir("/tmp/a", 0755), 0);
    ASSERT_EQ(::mount("tmpfs", "/tmp/a", "tmpfs", 0, nullptr), 0);
    ASSERT_EQ(::mkdir("/tmp/a/b c", 0755), 0);
    test_file test{};
    const Fd file = made("/tmp/a/b c/d");
    test.fd = static_cast<std::uint32_t>(static_cast<int>(file));
    const auto names = [&] {
      run(object_->progs.names, test);
      EXPECT_THAT(events(), ElementsAre(SF_EVENT_LIBRARY));
      sf_library_event event{};
      std::memcpy(&event, taken_.front().data(), sizeof event);
      return std::string(event.names, event.names_size);
    };
    EXPECT_EQ(names(), std::string("d\0b c\0a\0tmp\0", 12));
    ASSERT_EQ(::chroot("/tmp"), 0);
    EXPECT_EQ(names(), std::string("d\0b c\0a\0", 8));
  });
}

TEST_P(Rootfs, ADeepPathIsCutAndCounted) {
  on_own_ground([&] {
    std::string path = "/tmp";
    for (int i = 0; i < 60; ++i) {
      path += "/d";
      ASSERT_EQ(::mkdir(path.c_str(), 0755), 0);
    }
    const Fd file = made(path + "/f");
    test_file test{};
    test.fd = static_cast<std::uint32_t>(static_cast<int>(file));
    const auto before = lost(SF_LOSS_walk_truncated);
    run(object_->progs.names, test);
    EXPECT_THAT(events(), SizeIs(1));
    EXPECT_EQ(lost(SF_LOSS_walk_truncated), before + 1);
  });
}

// For a task that is not a container's: up to eight directories above.
TEST_P(Rootfs, TheRootAboveIsFoundByTheDirectories) {
  struct Case {
    int depth;
    bool found;
  };
  on_own_ground([&] {
    const auto root = upper_root_of("/tmp");
    ASSERT_TRUE(root) << root.error().message;
    const sf_inode upper{root->inode.ino, root->inode.generation, root->dev};
    put(object_->maps.upper_inodes, sf_inode_key{upper.ino, upper.dev, 0},
        sf_inode_state{upper, upper.generation, 0});
    std::string path = "/tmp";
    int depth = 1;
    for (const Case& one : {Case{1, true}, Case{8, true}, Case{9, false}}) {
      for (; depth < one.depth; ++depth) {
        path += "/d";
        ASSERT_EQ(::mkdir(path.c_str(), 0755), 0);
      }
      const Fd file = made(path + "/f");
      test_file test{};
      test.fd = static_cast<std::uint32_t>(static_cast<int>(file));
      test.dev = upper.dev;
      run(object_->progs.root_above, test);
      EXPECT_EQ(test.found != 0, one.found) << one.depth;
      if (one.found) {
        EXPECT_EQ(test.root.ino, upper.ino) << one.depth;
      }
    }
  });
}

}  // namespace
}  // namespace stillframe::sensors
