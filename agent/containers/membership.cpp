// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/membership.h"

#include <map>

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

Result<std::vector<Member>> Membership::members(
    const ContainerRecord& record) const {
  auto cgroups = below(record);
  if (!cgroups) return tl::unexpected<Error>(cgroups.error());
  const bool cgroupless = is_cgroupless(record.cgroup);
  if (cgroupless) cgroups->push_back({"", record.cgroup});
  std::map<std::uint32_t, std::pair<Member, std::uint32_t /*ppid*/>> found;
  for (const auto& cgroup : *cgroups) {
    const auto pids = cgroupless ? cgroupless_members(tree_, proc_, record)
                                 : tree_.processes(cgroup.path);
    if (!pids) return tl::unexpected<Error>(pids.error());
    for (const std::uint32_t pid : *pids) {
      const auto stat = proc_.read_stat(pid);
      if (!stat && is_absence(stat.error().code)) continue;
      if (!stat) return tl::unexpected<Error>(stat.error());
      Member member;
      member.pid = pid;
      member.cgroup = cgroup.id;
      member.start_ns = stat->start_ns;
      member.ppid = stat->ppid;
      member.comm = stat->comm;
      member.program = proc_.program(pid);
      if (!member.program.empty()) {
        const auto uid = proc_.uid(pid);
        if (!uid && is_absence(uid.error().code)) continue;
        if (!uid) return tl::unexpected<Error>(uid.error());
        member.uid = *uid;
      }
      found[pid] = {std::move(member), stat->ppid};
    }
  }
  std::vector<Member> result;
  for (auto& [pid, entry] : found) {
    // Up to init, or to the one whose parent is outside: that was exec'ed.
    std::uint32_t top = pid;
    for (std::size_t i = 0; i < found.size() && top != record.init_pid; ++i) {
      const std::uint32_t parent = found[top].second;
      if (!found.contains(parent)) break;
      top = parent;
    }
    Member member = entry.first;
    member.from_init = top == record.init_pid;
    if (!member.from_init) {
      member.session_leader = top;
      member.first_cmd = proc_.command(top);
    }
    result.push_back(std::move(member));
  }
  return result;
}

}  // namespace stillframe::containers
