// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <functional>
#include <thread>

#include "agent/base/fd.h"
#include "agent/model/inode_identity.h"
#include "tests/bpf/inlines.h"

namespace stillframe::sensors {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

// A rootfs of the calling thread's own, gone with it.
class Rootfs : public Inlines {
 protected:
  struct Judged {
    bool foreign;
    std::uint32_t kind;
    std::uint64_t ino;
  };
  Judged judged(int fd, const sf_inode& root = {}, std::uint32_t dev = 0) {
    test_file test{};
    test.root = root;
    test.dev = dev;
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

  static sf_inode identity(const std::string& path) {
    const auto root = upper_root_of(path);
    EXPECT_TRUE(root) << root.error().message;
    return root ? sf_inode{root->inode.ino, root->inode.generation, root->dev}
                : sf_inode{};
  }

  // An overlay of /tmp/NAME/lower and /tmp/NAME/upper at /tmp/NAME/merged.
  static bool mount_overlay(const std::string& name) {
    const std::string at = "/tmp/" + name;
    EXPECT_EQ(::mkdir(at.c_str(), 0755), 0);
    for (const char* part : {"/lower", "/upper", "/work", "/merged"}) {
      EXPECT_EQ(::mkdir((at + part).c_str(), 0755), 0);
    }
    made(at + "/lower/image");
    const std::string options = "lowerdir=" + at + "/lower,upperdir=" + at +
                                "/upper,workdir=" + at + "/work";
    return ::mount("overlay", (at + "/merged").c_str(), "overlay", 0,
                   options.c_str()) == 0;
  }

  static Fd made(const std::string& path) {
    Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0755));
    EXPECT_GE(fd, 0) << path << ": " << std::strerror(errno);
    return fd;
  }
};

INSTANTIATE_TEST_SUITE_P(Reads, Rootfs, ::testing::Bool(), reads);

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
    if (!mount_overlay("a")) GTEST_SKIP() << "no overlay can be mounted here";
    const Fd volume = made("/tmp/volume");
    const Fd upper(::open("/tmp/a/upper", O_PATH | O_DIRECTORY | O_CLOEXEC));
    ASSERT_EQ(::chroot("/tmp/a/merged"), 0);
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

// Whoever changed the root of a task cannot pass for the image with what is
// there.
TEST_P(Rootfs, AnOverlayIsKnownWhereverTheTasksRootIs) {
  on_own_ground([&] {
    if (!mount_overlay("a") || !mount_overlay("b")) {
      GTEST_SKIP() << "no overlay can be mounted here";
    }
    const sf_inode root = identity("/tmp/a/upper");
    struct stat merged{};
    ASSERT_EQ(::stat("/tmp/a/merged", &merged), 0);
    const std::uint32_t dev = kernel_dev(merged.st_dev);
    const Fd image(::open("/tmp/a/merged/image", O_RDONLY | O_CLOEXEC));
    const Fd added = made("/tmp/a/merged/added");
    const Fd others(::open("/tmp/b/merged/image", O_RDONLY | O_CLOEXEC));
    const Fd volume = made("/tmp/volume");
    for (const char* place : {"/tmp/a/merged", "/tmp/b/merged", "/tmp"}) {
      std::thread([&] {
        ASSERT_EQ(::unshare(CLONE_FS), 0);
        ASSERT_EQ(::chroot(place), 0);
        for (const std::uint32_t known : {0u, dev}) {
          EXPECT_FALSE(judged(image, root, known).foreign) << place;
          EXPECT_EQ(judged(added, root, known).kind, SF_EXEC_UPPER) << place;
          for (const int fd : {int{others}, int{volume}}) {
            EXPECT_TRUE(judged(fd, root, known).foreign) << place;
            EXPECT_EQ(judged(fd, root, known).kind, SF_EXEC_VOLUME) << place;
          }
        }
      }).join();
    }
  });
}

TEST_P(Rootfs, ADirectoryIsKnownByWhatWasMounted) {
  on_own_ground([&] {
    for (const char* path : {"/tmp/rootfs", "/tmp/rootfs/jail", "/tmp/data"}) {
      ASSERT_EQ(::mkdir(path, 0755), 0);
    }
    made("/tmp/rootfs/program");
    ASSERT_EQ(::mount("/tmp/rootfs", "/tmp/rootfs", nullptr, MS_BIND, nullptr),
              0);
    const sf_inode root = identity("/tmp/rootfs");
    const Fd program(::open("/tmp/rootfs/program", O_RDONLY | O_CLOEXEC));
    const Fd volume = made("/tmp/data/program");
    sf_root_state state{};
    state.since_ns = INT64_MAX;
    put(object_->maps.roots, root, state);
    for (const char* place : {"/tmp/rootfs", "/tmp/rootfs/jail", "/tmp/data"}) {
      std::thread([&] {
        ASSERT_EQ(::unshare(CLONE_FS), 0);
        ASSERT_EQ(::chroot(place), 0);
        EXPECT_FALSE(judged(program, root).foreign) << place;
        EXPECT_TRUE(judged(volume, root).foreign) << place;
        EXPECT_EQ(judged(volume, root).kind, SF_EXEC_VOLUME) << place;
      }).join();
    }
  });
}

TEST_P(Rootfs, OfADirectoryWhatIsYoungerIsForeign) {
  on_own_ground([&] {
    const Fd file = made("/tmp/program");
    const sf_inode root = identity("/tmp");
    ASSERT_EQ(::chroot("/tmp"), 0);
    struct Case {
      std::int64_t since_ns;
      bool foreign;
    };
    EXPECT_FALSE(judged(file, root).foreign);  // nobody knows since when
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
    const sf_inode upper = identity("/tmp");
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
