// SPDX-License-Identifier: Apache-2.0
#include "agent/privileges/system_calls.h"

#include <linux/fs.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <termios.h>

#include <cerrno>
#include <memory>
#include <span>

namespace stillframe::privileges {
namespace {

using Names = std::span<const char* const>;

// What the C library does for any program with threads: memory, locks, time,
// signals.
constexpr const char* kRuntime[] = {
    "brk",
    "clock_getres",
    "clock_gettime",
    "clock_nanosleep",
    "exit",
    "exit_group",
    "futex",
    "futex_waitv",
    "getegid",
    "geteuid",
    "getgid",
    "getpid",
    "getppid",
    "getrandom",
    "getrlimit",
    "getrusage",
    "gettid",
    "gettimeofday",
    "getuid",
    "madvise",
    "membarrier",
    "mremap",
    "munmap",
    "nanosleep",
    "restart_syscall",
    "rseq",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigtimedwait",
    "sched_getaffinity",
    "sched_yield",
    "set_robust_list",
    "set_tid_address",
    "sigaltstack",
    "sysinfo",
    "tgkill",
    "time",
    "uname",
};

// Reading files, and writing those of its own.
constexpr const char* kFiles[] = {
    "access",   "close",     "close_range", "dup",       "dup2",
    "dup3",     "faccessat", "faccessat2",  "fcntl",     "fstat",
    "fstatfs",  "getcwd",    "lseek",       "lstat",     "newfstatat",
    "open",     "openat",    "pread64",     "preadv",    "pwrite64",
    "read",     "readlink",  "readlinkat",  "readv",     "stat",
    "statfs",   "statx",     "write",       "writev",    "mkdir",
    "mkdirat",  "rename",    "renameat",    "renameat2", "unlink",
    "unlinkat", "chmod",     "truncate",    "rmdir",     "name_to_handle_at",
};

constexpr const char* kAgent[] = {
    // Files.
    "copy_file_range",
    "fadvise64",
    "fallocate",
    "fchmod",
    "fchmodat",
    "fdatasync",
    "fgetxattr",
    "flistxattr",
    "flock",
    "fsync",
    "ftruncate",
    "getdents64",
    "getxattr",
    "lgetxattr",
    "link",
    "linkat",
    "listxattr",
    "llistxattr",
    "openat2",
    "pwritev",
    "sendfile",
    "umask",
    "utimensat",
    // Waiting, and what the kernel says by itself.
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "eventfd2",
    "fanotify_init",
    "fanotify_mark",
    "inotify_add_watch",
    "inotify_init1",
    "inotify_rm_watch",
    "pipe2",
    "poll",
    "ppoll",
    "pselect6",
    "select",
    "setpriority",
    "signalfd4",
    "timerfd_create",
    "timerfd_gettime",
    "timerfd_settime",
    // Serving.
    "accept",
    "accept4",
    "bind",
    "connect",
    "getpeername",
    "getsockname",
    "getsockopt",
    "listen",
    "recvfrom",
    "recvmmsg",
    "recvmsg",
    "sendmmsg",
    "sendmsg",
    "sendto",
    "setsockopt",
    "shutdown",
    // The kernel side.
    "bpf",
    "capget",
    "perf_event_open",
    // The process for trials, at the end.
    "wait4",
};

// The ways to change a file that sensors are tried with.
constexpr const char* kTrial[] = {
    "capget",    "chown",    "link",      "mknod",  "mknodat",  "mount",
    "recvmsg",   "recvfrom", "sendmsg",   "sendto", "setxattr", "symlink",
    "symlinkat", "unshare",  "utimensat", "linkat", "fchmodat", "fchownat",
};

// Newer than the library's list of names: the same numbers on all machines.
constexpr int kAgentByNumber[] = {457 /* statmount */, 458 /* listmount */};

// Other programs, other processes' memory, another kernel, another view of
// files.
constexpr const char* kNever[] = {
    "chroot",
    "delete_module",
    "execve",
    "execveat",
    "finit_module",
    "fsmount",
    "fsopen",
    "init_module",
    "kexec_file_load",
    "kexec_load",
    "mount",
    "mount_setattr",
    "move_mount",
    "open_tree",
    "pivot_root",
    "process_vm_readv",
    "process_vm_writev",
    "ptrace",
    "setns",
    "umount2",
    "unshare",
};

// Which descriptors know these is the kernel's matter.
constexpr unsigned long kMountNamespaceId =
    _IOR(0xb7, 0x5, std::uint64_t);  // NS_GET_MNTNS_ID
constexpr unsigned long kIoctls[] = {
    FS_IOC_GETFLAGS,
    FIONREAD,
    FIONBIO,
    kMountNamespaceId,
    TCGETS,
    TIOCGWINSZ,
    PERF_EVENT_IOC_ENABLE,
    PERF_EVENT_IOC_DISABLE,
    PERF_EVENT_IOC_SET_BPF,
};

constexpr int kFamilies[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};

constexpr scmp_datum_t kNewNamespaces =
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
    CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
constexpr scmp_datum_t kLow32 = 0xFFFFFFFF;

// Remembers the first thing that went wrong.
class Filter {
 public:
  // `otherwise`: what becomes of a call that there is no rule for.
  explicit Filter(std::uint32_t otherwise)
      : context_(::seccomp_init(otherwise)) {
    if (context_ == nullptr) error_ = ENOMEM;
  }

  void allow(Names names) {
    for (const char* name : names) rule(SCMP_ACT_ALLOW, name, {});
  }
  void allow(int number) { rule(SCMP_ACT_ALLOW, number, {}); }
  void allow(const char* name, std::initializer_list<scmp_arg_cmp> where) {
    rule(SCMP_ACT_ALLOW, name, where);
  }
  void kill(const char* name) { rule(SCMP_ACT_KILL_PROCESS, name, {}); }
  void refuse(const char* name, int error) {
    rule(SCMP_ACT_ERRNO(static_cast<std::uint32_t>(error)), name, {});
  }

  // `logged`: what is refused is said in the kernel's log, or by its audit.
  Result<> load(bool logged) {
    check(::seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_LOG,
                             logged ? 1 : 0));
    // A lookup by halves: there are a hundred names.
    check(::seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2));
    if (error_ == 0) check(::seccomp_load(context_.get()));
    if (error_ != 0) return fail("restricting the system calls", error_);
    return {};
  }

 private:
  struct Release {
    void operator()(void* context) const { ::seccomp_release(context); }
  };

  void check(int result) {
    if (result < 0 && error_ == 0) error_ = -result;
  }

  // A name that this machine or this version of the library does not have is
  // one that cannot be called by it.
  void rule(std::uint32_t action, const char* name,
            std::initializer_list<scmp_arg_cmp> where) {
    const int number = ::seccomp_syscall_resolve_name(name);
    if (number >= 0) rule(action, number, where);
  }

  void rule(std::uint32_t action, int number,
            std::initializer_list<scmp_arg_cmp> where) {
    if (error_ != 0) return;
    check(::seccomp_rule_add_array(context_.get(), action, number,
                                   static_cast<unsigned>(where.size()),
                                   where.begin()));
  }

  int error_ = 0;
  std::unique_ptr<void, Release> context_;
};

scmp_arg_cmp bits(unsigned argument, scmp_datum_t mask, scmp_datum_t value) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

scmp_arg_cmp is(unsigned argument, scmp_datum_t value) {
  return bits(argument, kLow32, value & kLow32);
}

// Threads, but no processes and no namespaces.
void allow_threads(Filter& filter) {
  filter.allow("clone", {bits(0, CLONE_THREAD | kNewNamespaces, CLONE_THREAD)});
  filter.allow("clone3", {});
}

// Its flags lie in memory, which a filter cannot read; without it the C library
// takes clone. It tries with each thread: of that nothing is said, so that this
// is a filter of its own.
Result<> be_without_clone3() {
  Filter filter(SCMP_ACT_ALLOW);
  filter.refuse("clone3", ENOSYS);
  return filter.load(false);
}

void allow_memory(Filter& filter) {
  filter.allow("mmap", {bits(2, PROT_EXEC, 0)});
  filter.allow("mmap", {bits(2, PROT_EXEC | PROT_WRITE, PROT_EXEC)});
  filter.allow("mprotect", {bits(2, PROT_EXEC, 0)});
}

void allow_of_itself(Filter& filter) {
  for (const int option :
       {PR_SET_NAME, PR_GET_NAME, PR_CAPBSET_READ, PR_CAP_AMBIENT,
        PR_GET_DUMPABLE, 0x53564d41 /* PR_SET_VMA, the C library's */}) {
    filter.allow("prctl", {is(0, static_cast<scmp_datum_t>(option))});
  }
  // Limits: its own, read or set.
  filter.allow("prlimit64", {is(0, 0)});
}

void allow_agent(Filter& filter) {
  filter.allow(kAgent);
  for (const int number : kAgentByNumber) filter.allow(number);
  for (const auto request : kIoctls) filter.allow("ioctl", {is(1, request)});
  for (const int family : kFamilies) {
    filter.allow("socket", {is(0, static_cast<scmp_datum_t>(family))});
  }
  filter.allow("socketpair", {is(0, AF_UNIX)});
  for (const char* name : kNever) filter.kill(name);
}

bool by_trial(std::string_view name) {
  return name == "mount" || name == "unshare";
}

void allow_trial(Filter& filter) {
  filter.allow(kTrial);
  for (const char* name : kNever) {
    if (!by_trial(name)) filter.kill(name);
  }
}

}  // namespace

Result<> restrict_system_calls(Role role) {
  if (auto loaded = be_without_clone3(); !loaded) return loaded;
  Filter filter(SCMP_ACT_ERRNO(EPERM));
  filter.allow(kRuntime);
  filter.allow(kFiles);
  allow_threads(filter);
  allow_memory(filter);
  allow_of_itself(filter);
  if (role == Role::agent) {
    allow_agent(filter);
  } else {
    allow_trial(filter);
  }
  return filter.load(true);
}

}  // namespace stillframe::privileges
