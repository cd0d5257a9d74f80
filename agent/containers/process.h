// SPDX-License-Identifier: Apache-2.0
//
// A process as /proc shows it. Nothing is kept open: an open /proc/PID/root or
// mountinfo would pin the container's mount namespace past its end.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/containers/mountinfo.h"
#include "agent/containers/proc_text.h"

namespace stillframe::containers {

struct Process {
  std::uint32_t pid = 0;
  std::uint32_t ppid = 0;
  std::uint32_t uid = 0;       // real, host's user namespace
  std::uint32_t own_uid = 0;   // the same in its own
  std::uint32_t root_uid = 0;  // the host's number of its own namespace's 0
  std::uint64_t start_ticks = 0;
  std::uint64_t start_ns = 0;  // boot time
  std::vector<std::uint32_t> namespace_pids;
  std::uint64_t mount_ns = 0;
  std::uint64_t pid_ns = 0;
  std::uint64_t root_dev = 0;  // as stat(2) has it
  std::uint64_t root_ino = 0;
  std::uint32_t root_owner = 0;  // host's user namespace
  std::string comm = {};         // as it calls itself
  bool at_work = false;          // runs, or would if there were a processor

  bool is_namespace_init() const {
    return namespace_pids.size() > 1 && namespace_pids.back() == 1;
  }
};

// Two start times of one process: /proc's clock ticks are 10 ms long, and one
// more for the rounding.
bool same_start(std::uint64_t a_ns, std::uint64_t b_ns);

// All fail with ESRCH, and with no other absence, when the process is gone, a
// zombie, or was replaced while it was read.
class Proc {
 public:
  explicit Proc(std::string host_prefix);

  Result<Process> read(std::uint32_t pid) const;

  // Only pid, ppid, start, comm and whether it is at work: cheap.
  Result<Process> read_stat(std::uint32_t pid) const;

  // All of its cgroups, as proc_text.h reads them.
  Result<std::string> cgroups(std::uint32_t pid) const;
  // Empty: it is in none of the hierarchy.
  Result<std::string> cgroup(std::uint32_t pid,
                             const std::string& observed) const;
  // Fails with EFBIG beyond `limit` bytes: a container may mount as often as it
  // likes.
  static constexpr std::size_t kMaxMountinfo = 16u << 20;
  Result<std::vector<Mount>> mounts(std::uint32_t pid,
                                    std::size_t limit = kMaxMountinfo) const;
  // With ids that are never used again, where the kernel has such.
  Result<std::vector<Mount>> identified_mounts(std::uint32_t pid,
                                               std::size_t limit) const;
  // Its root directory, opened for no longer than it takes.
  Result<UpperRoot> root(std::uint32_t pid) const;

  // Empty: see ContainerSource::program().
  std::string program(std::uint32_t pid) const;
  // Real, the host's number.
  Result<std::uint32_t> uid(std::uint32_t pid) const;

  Result<std::uint64_t> mount_namespace(std::uint32_t pid) const;
  // As Process::is_namespace_init(), of no more than one file.
  bool is_namespace_init(std::uint32_t pid) const;
  std::string command(std::uint32_t pid) const;  // argv, at most 256 bytes
  // The directory that an option --root of its command names from the root;
  // empty: none does.
  std::string root_option(std::uint32_t pid) const;
  Result<std::vector<Mount>> host_mounts() const;

  const std::string& prefix() const { return prefix_; }

  // Root and mount namespace both differ from the host's.
  bool has_own_root(const Process& process) const;
  bool has_own_mounts(const Process& process) const;
  bool has_own_pids(const Process& process) const;

 private:
  Result<StatusText> status_of(std::uint32_t pid) const;

  std::string prefix_;
  std::string base_;
  std::optional<Process> host_;
};

}  // namespace stillframe::containers
