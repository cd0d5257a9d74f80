// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/membership.h"

#include <utility>

#include "agent/containers/cgroupless.h"

namespace stillframe::containers {

using Member = ContainerSource::Member;

Result<std::vector<Cgroup>> Membership::below(
    const ContainerRecord& record) const {
  std::vector<Cgroup> none;
  if (record.cgroup_path.empty()) return none;
  auto found = tree_.below(record.cgroup_path);
  if (!found.complete()) return tl::unexpected<Error>(found.errors.front());
  // The path may be another cgroup's by now.
  if (found.items.empty() || found.items.front().id != record.cgroup) {
    return none;
  }
  return std::move(found.items);
}

Result<std::vector<std::uint64_t>> Membership::cgroups(
    const ContainerRecord& record) const {
  std::vector<std::uint64_t> ids;
  if (is_cgroupless(record.cgroup)) ids.push_back(record.cgroup);
  const auto found = below(record);
  if (!found) return tl::unexpected<Error>(found.error());
  for (const auto& cgroup : *found) ids.push_back(cgroup.id);
  return ids;
}

Result<void> Membership::add(const std::vector<std::uint32_t>& pids,
                             std::uint64_t cgroup, Processes& found) const {
  for (const std::uint32_t pid : pids) {
    const auto stat = proc_.read_stat(pid);
    if (!stat && is_absence(stat.error().code)) continue;
    if (!stat) return tl::unexpected<Error>(stat.error());
    Member member;
    member.pid = pid;
    member.cgroup = cgroup;
    member.start_ns = stat->start_ns;
    member.ppid = stat->ppid;
    member.comm = stat->comm;
    found[pid] = std::move(member);
  }
  return {};
}

// Of a container whose first process was moved out of its cgroups others may
// have been: they are known by their mount namespace, wherever they are.
Result<void> Membership::add_moved(const ContainerRecord& record,
                                   Processes& found) const {
  if (record.init_pid == 0 || found.contains(record.init_pid)) return {};
  const auto stat = proc_.read_stat(record.init_pid);
  const auto mounts = proc_.mount_namespace(record.init_pid);
  if (!stat || !mounts || !same_start(stat->start_ns, record.init_start_ns)) {
    return {};
  }
  const auto everywhere = tree_.below();
  if (!everywhere.complete()) {
    return tl::unexpected<Error>(everywhere.errors.front());
  }
  for (const auto& cgroup : everywhere.items) {
    const auto pids = members_by_mounts(tree_, proc_, cgroup.path, *mounts);
    if (!pids) return tl::unexpected<Error>(pids.error());
    if (auto added = add(*pids, cgroup.id, found); !added) return added;
  }
  return {};
}

// Whether it came from another container, as whoever is root in one can move it
// here. Who was exec'ed into this one is in its namespaces, but for those that
// it made itself.
bool Membership::is_anothers(std::uint32_t pid, const Process& init) const {
  const auto process = proc_.read(pid);
  return process && proc_.has_own_root(*process) &&
         process->mount_ns != init.mount_ns && process->pid_ns != init.pid_ns;
}

Result<std::vector<Member>> Membership::members(
    const ContainerRecord& record) const {
  const auto cgroups = below(record);
  if (!cgroups) return tl::unexpected<Error>(cgroups.error());
  Processes found;
  const auto add_all = [&](const Result<std::vector<std::uint32_t>>& pids,
                           std::uint64_t cgroup) -> Result<void> {
    if (!pids) return tl::unexpected<Error>(pids.error());
    return add(*pids, cgroup, found);
  };
  Result<void> added;
  if (is_cgroupless(record.cgroup)) {
    added = add_all(cgroupless_members(tree_, proc_, record), record.cgroup);
  }
  for (const auto& cgroup : *cgroups) {
    if (added) added = add_all(tree_.processes(cgroup.path), cgroup.id);
  }
  if (added) added = add_moved(record, found);
  if (!added) return tl::unexpected<Error>(added.error());
  const auto init = proc_.read(record.init_pid);
  std::map<std::uint32_t, bool> anothers;  // by the pid of who came first
  std::vector<Member> result;
  for (auto& [pid, process] : found) {
    // Up to init, or to the one whose parent is outside: that was exec'ed.
    std::uint32_t top = pid;
    for (std::size_t i = 0; i < found.size() && top != record.init_pid; ++i) {
      const std::uint32_t parent = found[top].ppid;
      if (!found.contains(parent)) break;
      top = parent;
    }
    Member member = process;
    member.from_init = top == record.init_pid;
    if (!member.from_init) {
      const auto known = anothers.find(top);
      const bool is = known != anothers.end() ? known->second
                                              : init && is_anothers(top, *init);
      anothers[top] = is;
      if (is) continue;
      member.session_leader = top;
      member.first_cmd = proc_.command(top);
    }
    result.push_back(std::move(member));
  }
  return result;
}

}  // namespace stillframe::containers
