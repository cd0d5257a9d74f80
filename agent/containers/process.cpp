// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/process.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "agent/base/file.h"
#include "agent/containers/mount_ids.h"
#include "agent/containers/oci_config.h"
#include "agent/containers/proc_text.h"
#include "agent/model/inode_identity.h"

namespace stillframe::containers {
namespace {

constexpr std::size_t kMaxCommand = 256;
constexpr std::uint64_t kStartToleranceNs = 20'000'000;

tl::unexpected<Error> gone(std::uint32_t pid) {
  return fail("process " + std::to_string(pid), ESRCH);
}

// The error of a read below /proc/PID.
template <typename T>
tl::unexpected<Error> unread(const Result<T>& result, std::uint32_t pid) {
  if (is_absence(result.error().code)) return gone(pid);
  return tl::unexpected<Error>(result.error());
}

Result<std::uint64_t> namespace_of(const std::string& link) {
  const auto target = read_link(link);
  if (!target) return tl::unexpected<Error>(target.error());
  return parse_namespace(*target);
}

}  // namespace

bool same_start(std::uint64_t a_ns, std::uint64_t b_ns) {
  return (a_ns > b_ns ? a_ns - b_ns : b_ns - a_ns) <= kStartToleranceNs;
}

// The host's own view is that of pid 1 (the agent is to be given the host's pid
// namespace). Where pid 1 has capabilities that we lack we may not look at it:
// then the agent itself stands for the host, as it does when run as a service.
Proc::Proc(std::string host_prefix)
    : prefix_(std::move(host_prefix)), base_(prefix_ + "/proc/") {
  const auto self = static_cast<std::uint32_t>(::getpid());
  for (const std::uint32_t pid : {std::uint32_t{1}, self}) {
    if (host_) break;
    if (auto process = read(pid)) host_ = std::move(*process);
  }
}

Result<Process> Proc::read_stat(std::uint32_t pid) const {
  const auto text = read_file(base_ + std::to_string(pid) + "/stat", 65536);
  if (!text) return unread(text, pid);
  const auto stat = parse_stat(*text);
  if (!stat) return fail("stat of process " + std::to_string(pid), EBADMSG);
  if (stat->state == 'Z' || stat->state == 'X') return gone(pid);
  Process process;
  process.pid = pid;
  process.ppid = stat->ppid;
  process.start_ticks = stat->start_ticks;
  process.start_ns = ticks_to_ns(stat->start_ticks);
  process.comm = stat->comm;
  process.at_work = stat->state == 'R' || stat->state == 'D';
  return process;
}

Result<StatusText> Proc::status_of(std::uint32_t pid) const {
  const auto text = read_file(base_ + std::to_string(pid) + "/status", 65536);
  if (!text) return unread(text, pid);
  auto status = parse_status(*text);
  if (!status) return fail("status of process " + std::to_string(pid), EBADMSG);
  return *std::move(status);
}

Result<Process> Proc::read(std::uint32_t pid) const {
  auto process = read_stat(pid);
  if (!process) return process;
  const std::string dir = base_ + std::to_string(pid);
  const auto status = status_of(pid);
  if (!status) return tl::unexpected<Error>(status.error());
  process->uid = status->uid;
  process->namespace_pids = status->namespace_pids;
  // Not there: the kernel has no user namespaces.
  const auto uid_map = read_file(dir + "/uid_map", 65536);
  if (!uid_map && uid_map.error().code != ENOENT) return unread(uid_map, pid);
  const IdMap uids = parse_id_map(uid_map.value_or(""));
  process->own_uid = uids.inside(process->uid).value_or(process->uid);
  process->root_uid = uids.outside(0).value_or(0);
  struct stat root{};
  if (::stat((dir + "/root").c_str(), &root) != 0) {
    return unread(Result<>(fail(dir + "/root", errno)), pid);
  }
  process->root_dev = root.st_dev;
  process->root_ino = root.st_ino;
  process->root_owner = root.st_uid;
  const auto mount_ns = namespace_of(dir + "/ns/mnt");
  if (!mount_ns) return unread(mount_ns, pid);
  const auto pid_ns = namespace_of(dir + "/ns/pid");
  if (!pid_ns) return unread(pid_ns, pid);
  process->mount_ns = *mount_ns;
  process->pid_ns = *pid_ns;
  // Read in several steps: the pid may have become another's in between.
  auto again = read_stat(pid);
  if (!again) return again;
  if (again->start_ticks != process->start_ticks) return gone(pid);
  return process;
}

Result<std::string> Proc::cgroups(std::uint32_t pid) const {
  auto text = read_file(base_ + std::to_string(pid) + "/cgroup");
  if (!text) return unread(text, pid);
  return text;
}

Result<std::string> Proc::cgroup(std::uint32_t pid,
                                 const std::string& observed) const {
  auto text = cgroups(pid);
  if (!text) return text;
  return parse_cgroup(*text, observed).value_or("");
}

Result<std::uint64_t> Proc::mount_namespace(std::uint32_t pid) const {
  auto found = namespace_of(base_ + std::to_string(pid) + "/ns/mnt");
  if (!found) return unread(found, pid);
  return found;
}

bool Proc::is_namespace_init(std::uint32_t pid) const {
  const auto text = read_file(base_ + std::to_string(pid) + "/status", 65536);
  const auto status = text ? parse_status(*text) : std::nullopt;
  Process process;
  if (status) process.namespace_pids = status->namespace_pids;
  return process.is_namespace_init();
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

std::string Proc::root_option(std::uint32_t pid) const {
  const auto text =
      read_file(base_ + std::to_string(pid) + "/cmdline", 8u << 20);
  // Where a relative one began is not known any more: runc goes into the
  // bundle.
  return absolute_path(parse_root_option(text.value_or("")));
}

Result<std::vector<Mount>> Proc::mounts(std::uint32_t pid,
                                        std::size_t limit) const {
  const auto text =
      read_file(base_ + std::to_string(pid) + "/mountinfo", limit);
  // EINVAL: a zombie, which has no mount namespace any more.
  if (!text && text.error().code == EINVAL) return gone(pid);
  if (!text) return unread(text, pid);
  return parse_mountinfo(*text);
}

Result<std::vector<Mount>> Proc::identified_mounts(std::uint32_t pid,
                                                   std::size_t limit) const {
  const MountIds ids(base_ + std::to_string(pid) + "/ns/mnt");
  auto found = mounts(pid, limit);
  if (found) ids.identify(*found);
  return found;
}

Result<UpperRoot> Proc::root(std::uint32_t pid) const {
  auto root = upper_root_of(base_ + std::to_string(pid) + "/root");
  if (!root) return unread(root, pid);
  return root;
}

std::string Proc::program(std::uint32_t pid) const {
  const std::string process = base_ + std::to_string(pid);
  struct statx file{};
  struct statx root{};
  constexpr unsigned kWanted = STATX_MNT_ID | STATX_NLINK;
  // Both links lead to what the process has, not to a path of the host's.
  if (::statx(AT_FDCWD, (process + "/exe").c_str(), 0, kWanted, &file) != 0 ||
      ::statx(AT_FDCWD, (process + "/root").c_str(), 0, kWanted, &root) != 0) {
    return {};
  }
  const bool known = (file.stx_mask & root.stx_mask & STATX_MNT_ID) != 0;
  if (!known || file.stx_mnt_id != root.stx_mnt_id || file.stx_nlink == 0) {
    return {};
  }
  return read_link(process + "/exe").value_or("");
}

Result<std::uint32_t> Proc::uid(std::uint32_t pid) const {
  const auto status = status_of(pid);
  if (!status) return tl::unexpected<Error>(status.error());
  return status->uid;
}

Result<std::vector<Mount>> Proc::host_mounts() const {
  if (!host_) return fail("the host's mounts cannot be read", EACCES);
  return mounts(host_->pid);
}

bool Proc::has_own_root(const Process& process) const {
  if (!host_) return false;
  const bool same_root = process.root_dev == host_->root_dev &&
                         process.root_ino == host_->root_ino;
  return !same_root && has_own_mounts(process);
}

bool Proc::has_own_mounts(const Process& process) const {
  return host_ && process.mount_ns != 0 && process.mount_ns != host_->mount_ns;
}

bool Proc::has_own_pids(const Process& process) const {
  return host_ && process.pid_ns != 0 && process.pid_ns != host_->pid_ns;
}

}  // namespace stillframe::containers
