// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/process.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "agent/base/file.h"
#include "agent/containers/proc_text.h"
#include "agent/model/inode_identity.h"

namespace stillframe::containers {
namespace {

constexpr std::size_t kMaxMountinfo = 16u << 20;
constexpr std::size_t kMaxCommand = 256;

}  // namespace

// The host's own view is that of pid 1 (the agent is to be given the host's pid
// namespace). Where pid 1 has capabilities that we lack we may not look at it:
// then the agent itself stands for the host, as it does when run as a service.
Proc::Proc(std::string host_prefix)
    : base_(std::move(host_prefix) + "/proc/"), host_(read(1)) {
  if (!host_) host_ = read(static_cast<std::uint32_t>(::getpid()));
}

std::optional<Process> Proc::read_stat(std::uint32_t pid) const {
  const auto text = read_file(base_ + std::to_string(pid) + "/stat", 65536);
  if (!text) return std::nullopt;
  const auto stat = parse_stat(*text);
  if (!stat || stat->state == 'Z' || stat->state == 'X') return std::nullopt;
  Process process;
  process.pid = pid;
  process.ppid = stat->ppid;
  process.start_ticks = stat->start_ticks;
  process.start_ns = ticks_to_ns(stat->start_ticks);
  return process;
}

std::optional<Process> Proc::read(std::uint32_t pid) const {
  auto process = read_stat(pid);
  if (!process) return std::nullopt;
  const std::string dir = base_ + std::to_string(pid);
  const auto text = read_file(dir + "/status", 65536);
  if (!text) return std::nullopt;
  const auto status = parse_status(*text);
  if (!status) return std::nullopt;
  process->uid = status->uid;
  process->namespace_pids = status->namespace_pids;
  struct stat root{};
  if (::stat((dir + "/root").c_str(), &root) != 0) return std::nullopt;
  process->root_dev = root.st_dev;
  process->root_ino = root.st_ino;
  process->mount_ns = parse_namespace(read_link(dir + "/ns/mnt").value_or(""));
  process->pid_ns = parse_namespace(read_link(dir + "/ns/pid").value_or(""));
  // Read in several steps: the pid may have become another's in between.
  const auto again = read_stat(pid);
  if (!again || again->start_ticks != process->start_ticks) {
    return std::nullopt;
  }
  return process;
}

std::string Proc::cgroup(std::uint32_t pid, const std::string& observed) const {
  const auto text = read_file(base_ + std::to_string(pid) + "/cgroup");
  if (!text) return "";
  return parse_cgroup(*text, observed).value_or("");
}

std::string Proc::command(std::uint32_t pid) const {
  // Of any length: ARG_MAX is a quarter of the stack's limit.
  auto text = read_file(base_ + std::to_string(pid) + "/cmdline", 8u << 20)
                  .value_or("");
  while (!text.empty() && text.back() == '\0') text.pop_back();
  text.resize(std::min(text.size(), kMaxCommand));
  std::replace(text.begin(), text.end(), '\0', ' ');
  return text;
}

Result<std::vector<Mount>> Proc::mounts(std::uint32_t pid) const {
  const auto text =
      read_file(base_ + std::to_string(pid) + "/mountinfo", kMaxMountinfo);
  if (!text) return fail(text, "reading mounts");
  return parse_mountinfo(*text);
}

Result<UpperRoot> Proc::root(std::uint32_t pid) const {
  return upper_root_of(base_ + std::to_string(pid) + "/root");
}

Result<std::vector<Mount>> Proc::host_mounts() const {
  if (!host_) return fail("the host's mounts cannot be told", EACCES);
  return mounts(host_->pid);
}

bool Proc::has_own_root(const Process& process) const {
  if (!host_) return false;
  const bool same_root = process.root_dev == host_->root_dev &&
                         process.root_ino == host_->root_ino;
  return !same_root && process.mount_ns != 0 &&
         process.mount_ns != host_->mount_ns;
}

bool Proc::has_own_pids(const Process& process) const {
  return host_ && process.pid_ns != 0 && process.pid_ns != host_->pid_ns;
}

}  // namespace stillframe::containers
