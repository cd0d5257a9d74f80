// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/cgroupless.h"

namespace stillframe::containers {
namespace {

constexpr std::uint64_t kMark = std::uint64_t{1} << 62;

}  // namespace

std::uint64_t cgroupless_id(const Process& init) {
  return kMark | init.mount_ns;
}

bool is_cgroupless(std::uint64_t cgroup) { return (cgroup & kMark) != 0; }

Listing<Process> cgroupless_inits(const CgroupTree& tree, const Proc& proc,
                                  std::set<std::uint64_t> known) {
  Listing<Process> found;
  const auto pids = tree.processes("/");
  if (!pids) note_error(found.errors, pids.error());
  if (!pids) return found;
  for (const std::uint32_t pid : *pids) {
    // Most are the host's: one look suffices.
    if (!proc.is_namespace_init(pid)) continue;
    auto process = proc.read(pid);
    if (!process && !is_absence(process.error().code)) {
      note_error(found.errors, process.error());
    }
    // What runs within one is that one's.
    if (!process || !process->is_namespace_init() ||
        process->namespace_pids.size() != 2 || !proc.has_own_root(*process) ||
        !proc.has_own_pids(*process) ||
        !known.insert(process->mount_ns).second) {
      continue;
    }
    found.items.push_back(*std::move(process));
  }
  return found;
}

Result<std::vector<std::uint32_t>> members_by_mounts(const CgroupTree& tree,
                                                     const Proc& proc,
                                                     const std::string& cgroup,
                                                     std::uint64_t mount_ns) {
  auto pids = tree.processes(cgroup);
  if (!pids) return pids;
  std::vector<std::uint32_t> members;
  for (const std::uint32_t pid : *pids) {
    const auto mounts = proc.mount_namespace(pid);
    if (mounts && *mounts == mount_ns) members.push_back(pid);
    if (mounts || is_absence(mounts.error().code)) continue;
    // What not even root may look into is no user's, but a host's init.
    if (mounts.error().code == EACCES || mounts.error().code == EPERM) continue;
    return tl::unexpected<Error>(mounts.error());
  }
  return members;
}

Result<std::vector<std::uint32_t>> cgroupless_members(
    const CgroupTree& tree, const Proc& proc, const ContainerRecord& record) {
  return members_by_mounts(tree, proc, "/", record.cgroup & ~kMark);
}

bool CgrouplessWatch::began(const CgroupTree& tree, const Proc& proc) {
  const auto pids = tree.processes("/");
  if (!pids) return false;
  bool began = false;
  std::set<std::uint32_t> now;
  for (const std::uint32_t pid : *pids) {
    if (!seen_.contains(pid) && proc.is_namespace_init(pid)) {
      const auto process = proc.read(pid);
      if (!process || !proc.has_own_root(*process)) continue;
      began = true;
    }
    now.insert(pid);
  }
  seen_ = std::move(now);
  return began;
}

}  // namespace stillframe::containers
