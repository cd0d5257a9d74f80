// SPDX-License-Identifier: Apache-2.0
#include "agent/privileges/system_calls.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <string>
#include <thread>

#include "agent/base/file.h"
#include "agent/privileges/confine.h"
#include "tests/unit/privileges/child.h"

namespace stillframe::privileges {
namespace {

constexpr int kNotRestricted = 250;

// What `work` returns under the filter.
int under(Role role, const std::function<int()>& work) {
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (!restrict_system_calls(role)) return kNotRestricted;
  return work();
}

int errno_of(long result) { return result == -1 ? errno : 0; }

struct Case {
  const char* name;
  std::function<int()> run;
};

const char* const kProgram = "/bin/true";

int run_program() {
  char* const none[] = {nullptr};
  ::execve(kProgram, none, none);
  return errno;
}

TEST(SystemCalls, WhatSomebodyElseWouldDoEndsTheAgent) {
  const Case cases[] = {
      {"run a program", run_program},
      {"trace", [] { return errno_of(::ptrace(PTRACE_TRACEME, 0, 0, 0)); }},
      {"mount",
       [] { return errno_of(::mount("none", "/mnt", "tmpfs", 0, nullptr)); }},
      {"unmount", [] { return errno_of(::umount2("/nowhere", 0)); }},
      {"leave its namespaces", [] { return errno_of(::unshare(CLONE_NEWNS)); }},
      {"enter others'", [] { return errno_of(::setns(-1, CLONE_NEWNS)); }},
      {"change its root", [] { return errno_of(::chroot("/nowhere")); }},
      {"load a module",
       [] { return errno_of(::syscall(SYS_finit_module, -1, "", 0)); }},
      {"write to another process",
       [] {
         return errno_of(
             ::syscall(SYS_process_vm_writev, 1, nullptr, 0, nullptr, 0, 0));
       }},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(signal_of([&] { return under(Role::agent, one.run); }), SIGSYS)
        << one.name;
  }
}

TEST(SystemCalls, WhatIsNotOnTheListFails) {
  const Case cases[] = {
      {"a process", [] { return errno_of(::fork()); }},
      {"another owner", [] { return errno_of(::chown("/nowhere", 0, 0)); }},
      {"a device", [] { return errno_of(::mknod("/nowhere/x", S_IFIFO, 0)); }},
      {"a signal", [] { return errno_of(::kill(::getpid(), 0)); }},
      {"raw packets",
       [] { return errno_of(::socket(AF_PACKET, SOCK_RAW, 0)); }},
      {"memory to write and run",
       [] {
         const auto* at =
             ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
         return at == MAP_FAILED ? errno : 0;
       }},
      {"memory to run that was written",
       [] {
         void* at = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
         return errno_of(::mprotect(at, 4096, PROT_READ | PROT_EXEC));
       }},
      {"io_uring",
       [] { return errno_of(::syscall(SYS_io_uring_setup, 1, 0)); }},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(result_of([&] { return under(Role::agent, one.run); }), EPERM)
        << one.name;
  }
}

TEST(SystemCalls, AThreadCanBeMade) {
  EXPECT_EQ(result_of([] {
              return under(Role::agent, [] {
                int seen = 1;
                std::thread thread([&] { seen = 0; });
                thread.join();
                return seen;
              });
            }),
            0);
}

// The filter is every thread's that comes later.
TEST(SystemCalls, AThreadIsRestrictedToo) {
  EXPECT_EQ(signal_of([] {
              return under(Role::agent, [] {
                int error = 0;
                std::thread thread([&] { error = run_program(); });
                thread.join();
                return error;
              });
            }),
            SIGSYS);
}

TEST(SystemCalls, TrialsMountButRunAndServeNothing) {
  EXPECT_EQ(result_of([] {
              return under(Role::trial, [] {
                return errno_of(::mount("none", "/nowhere", "tmpfs", 0, ""));
              });
            }),
            ENOENT);
  EXPECT_EQ(signal_of([] { return under(Role::trial, run_program); }), SIGSYS);
  EXPECT_EQ(result_of([] {
              return under(Role::trial, [] {
                return errno_of(::socket(AF_UNIX, SOCK_STREAM, 0));
              });
            }),
            EPERM);
  EXPECT_EQ(result_of([] {
              return under(Role::trial, [] {
                return errno_of(::syscall(SYS_bpf, 0, nullptr, 0));
              });
            }),
            EPERM);
}

TEST(SystemCalls, NoProgramGainsAnything) {
  EXPECT_EQ(result_of([] {
              if (!confine(Role::trial)) return 9;
              const auto status = read_file("/proc/self/status", 65536);
              return status && status->find("NoNewPrivs:\t1\n") !=
                                   std::string::npos
                         ? 0
                         : 1;
            }),
            0);
}

}  // namespace
}  // namespace stillframe::privileges
