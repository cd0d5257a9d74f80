// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/callers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

#include "agent/base/fd.h"
#include "agent/engine/unix_peer.h"

namespace stillframe::engine::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::SizeIs;

// Above any real pid, the parent first.
std::vector<CallerRef> chain(const std::vector<std::string>& names) {
  std::vector<CallerRef> refs;
  for (const auto& name : names) {
    refs.push_back({4'200'000 + static_cast<std::uint32_t>(refs.size()), name});
  }
  return refs;
}

TEST(Callers, AreNamedFromTheOutsideWithoutTheRuntimesOwn) {
  EXPECT_THAT(
      callers_of(chain({"runc", "sudo", "bash", "sshd"}), true).names.all(),
      ElementsAre("sshd", "bash", "sudo"));
  EXPECT_THAT(
      callers_of(chain({"runc:[1:CHILD]", "runc", "containerd-shim"}), true)
          .names.all(),
      ElementsAre("containerd-shim"));
  EXPECT_THAT(callers_of(chain({"crun", "conmon"}), true).names.all(),
              IsEmpty());
  EXPECT_THAT(callers_of({}, true).names.all(), IsEmpty());
}

TEST(Callers, AreTheNearestOnes) {
  EXPECT_THAT(
      callers_of(chain(std::vector<std::string>(16, "sh")), true).names.all(),
      SizeIs(8));
}

struct SetterCase {
  const char* comm;
  std::vector<std::string> callers;
  const char* tool;
};

TEST(Callers, ShowByWhatALimitWasSet) {
  const SetterCase cases[] = {
      {"runc", {"podman", "bash"}, "podman"},
      {"crun", {"podman"}, "podman"},
      {"podman", {"bash"}, "podman"},
      {"runc", {"containerd-shim"}, "docker"},
      {"runc", {"crio"}, "docker"},
      {"runc", {"bash", "sshd"}, ""},
      {"runc", {}, ""},
      {"sh", {"containerd-shim"}, ""},
      {"podman-tune.sh", {"bash"}, ""},
      {"systemd", {}, ""},
  };
  for (const auto& one : cases) {
    ProcessRef process;
    process.comm = one.comm;
    EXPECT_EQ(setter_of_limits(process, callers_of(chain(one.callers), false),
                               "docker"),
              one.tool)
        << one.comm << " of " << one.callers.size();
  }
}

TEST(Callers, AProcessThatHasEndedIsDescribedByWhatTheKernelSideKept) {
  const auto layout = containers::detect_cgroups();
  ASSERT_TRUE(layout);
  KernelProcesses none;
  none.followed = [](std::uint32_t, std::uint64_t) { return std::nullopt; };
  none.ended = [](std::uint32_t) { return std::nullopt; };
  const auto self = static_cast<std::uint32_t>(::getpid());
  const auto own = describe_process(self, *layout, none);
  ASSERT_TRUE(own);
  EXPECT_EQ(own->process.exe, "engine_test");
  EXPECT_NE(own->process.cgroup, 0U);
  EXPECT_TRUE(own->process.host_mounts);

  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  siginfo_t over;
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &over, WEXITED | WNOWAIT),
            0);
  const auto pid = static_cast<std::uint32_t>(child);
  KernelProcesses kept = none;
  kept.ended = [&](std::uint32_t asked) {
    ProcessRef process;
    process.pid = asked;
    process.ppid = self;
    process.start_ns = own->process.start_ns + 12'345'678;
    process.comm = "writer";
    return std::optional(asked == pid ? process : ProcessRef());
  };
  for (const bool waited : {false, true}) {
    if (waited) ::waitpid(child, nullptr, 0);
    EXPECT_FALSE(describe_process(pid, *layout, none));
    const auto seen = describe_process(pid, *layout, kept);
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->process.comm, "writer");
    // As /proc counts, so that it is the same before and after its end.
    EXPECT_EQ(seen->process.start_ns, own->process.start_ns + 10'000'000);
    EXPECT_EQ(seen->process.parent_comm, own->process.comm);
    ASSERT_FALSE(seen->callers.empty());
    EXPECT_EQ(seen->callers.front().pid, self);
  }
}

// Whatever cgroup it has moved to, and whatever login it has set itself.
TEST(Callers, AProcessThatDescendsFromAContainerBelongsThere) {
  const auto layout = containers::detect_cgroups();
  ASSERT_TRUE(layout);
  const auto self = static_cast<std::uint32_t>(::getpid());
  std::uint64_t asked_start = 0;
  KernelProcesses kernel;
  kernel.followed = [&](std::uint32_t, std::uint64_t start_ns) {
    asked_start = start_ns;
    ProcessRef process;
    process.cgroup = 4711;
    process.session = 17;
    return std::optional(process);
  };
  kernel.ended = [](std::uint32_t) { return std::nullopt; };
  const auto seen = describe_process(self, *layout, kernel);
  ASSERT_TRUE(seen);
  EXPECT_EQ(asked_start, seen->process.start_ns);
  EXPECT_TRUE(seen->process.followed);
  EXPECT_TRUE(seen->process.in_container);
  EXPECT_EQ(seen->process.cgroup, 4711U);
  EXPECT_EQ(seen->process.session, 17U);
  EXPECT_FALSE(seen->process.login);
}

struct WhoseCase {
  std::vector<std::string> names;
  bool daemon;
  bool whole;
};

TEST(Callers, SayWhetherTheyServeOthersAndWhereTheirTraceEnds) {
  const std::vector<WhoseCase> cases = {
      {{"runc", "bash"}, false, true},
      {{"runc", "containerd-shim"}, true, true},
      {{"dockerd"}, true, true},
      {{"runc", "crio"}, true, true},
      {{"kubelet-helper"}, false, true},
      {{"runc", "conmon"}, false, false},
      {{}, false, false},
  };
  for (const auto& c : cases) {
    const Callers callers = callers_of(chain(c.names), true);
    EXPECT_EQ(callers.daemon, c.daemon) << testing::PrintToString(c.names);
    EXPECT_EQ(callers.whole, c.whole) << testing::PrintToString(c.names);
  }
}

// This test has a parent, and it started before.
TEST(Callers, OfAProcessAreInProc) {
  ProcessRef one;
  one.ppid = static_cast<std::uint32_t>(getpid());
  one.start_ns = 1;
  EXPECT_THAT(callers_of_process(one).names.all(), IsEmpty());
  one.start_ns = ~0ull;
  EXPECT_THAT(callers_of_process(one).names.all(), Contains("engine_test"));
}

TEST(UnixPeer, IsTheOtherEnd) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  const Fd one(ends[0]);
  const Fd other(ends[1]);
  struct stat here{};
  struct stat there{};
  ASSERT_EQ(fstat(one, &here), 0);
  ASSERT_EQ(fstat(other, &there), 0);
  EXPECT_THAT(sockets_of(static_cast<std::uint32_t>(getpid())),
              IsSupersetOf({here.st_ino, there.st_ino}));
  EXPECT_THAT(peers_of({static_cast<std::uint32_t>(here.st_ino)}),
              ElementsAre(there.st_ino));
  EXPECT_THAT(peers_of({1}), IsEmpty());
  EXPECT_THAT(sockets_of(4'200'000), IsEmpty());
}

}  // namespace
}  // namespace stillframe::engine::test
