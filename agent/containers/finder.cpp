// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/finder.h"

#include <algorithm>
#include <set>

#include "agent/base/text.h"
#include "agent/containers/finder_impl.h"
#include "agent/model/inode_identity.h"
#include "agent/model/runtime.h"

namespace stillframe::containers {

Finder::Finder(CgroupLayout layout, std::string host_prefix)
    : impl_(std::make_unique<Impl>(std::move(layout), std::move(host_prefix))) {
}

Finder::~Finder() = default;

const CgroupLayout& Finder::layout() const { return impl_->layout; }

std::vector<ContainerRecord> Finder::running() const {
  std::vector<ContainerRecord> records;
  for (const auto& [path, group] : impl_->groups()) {
    records.push_back(impl_->record(group, {}));
  }
  return records;
}

std::vector<ContainerRecord> Finder::stopped() const {
  std::set<std::string> running;
  for (const auto& [path, group] : impl_->groups()) {
    if (group.name.outer.empty()) running.insert(group.name.id);
  }
  std::vector<ContainerRecord> records;
  for (const auto& resolver : impl_->resolvers) {
    for (auto& kept : resolver->stored()) {
      if (running.count(kept.info.id) != 0 || kept.layers.empty()) continue;
      const auto root = upper_root_of(kept.layers.upper);
      if (!root) continue;  // removed meanwhile
      ContainerRecord record;
      record.info = std::move(kept.info);
      record.layers = std::move(kept.layers);
      record.trouble = std::move(kept.trouble);
      record.root = *root;
      records.push_back(std::move(record));
    }
  }
  return records;
}

std::optional<Process> Finder::Impl::seen_process(
    const LiveObservation& seen) const {
  auto process = proc.read(seen.process.pid);
  if (!process || !same_start(process->start_ns, seen.process.start_ns)) {
    return std::nullopt;
  }
  const std::string path = proc.cgroup(process->pid, layout.observed);
  if (tree.id_of(path) != seen.process.cgroup) return std::nullopt;
  return process;
}

// Where its cgroup is, or was: once removed, two components are left of it.
std::string Finder::Impl::seen_path(const LiveObservation& seen) const {
  const std::string by_process = proc.cgroup(seen.process.pid, layout.observed);
  if (tree.id_of(by_process) == seen.process.cgroup) return by_process;
  const std::string by_id = tree.path_of(seen.process.cgroup);
  if (!by_id.empty()) return by_id;
  const std::string parent =
      seen.cgroup_parent.empty() || seen.cgroup_parent == "/"
          ? ""
          : "/" + seen.cgroup_parent;
  return parent + "/" + seen.cgroup_name;
}

Result<ContainerRecord> Finder::resolve(const LiveObservation& seen) const {
  const std::string path = impl_->seen_path(seen);
  Impl::Group group;
  group.init = impl_->seen_process(seen);
  const auto name = Impl::identify(path, impl_->known_cgroups());
  if (name && name->helper) return fail("a helper's cgroup: " + display(path));
  if (name) {
    group.name = *name;
    group.cgroup = impl_->tree.id_of(name->path);
  } else if (!is_image_build(path) && group.init &&
             impl_->is_unknown_container(*group.init)) {
    group.name = Impl::unknown_name(path, seen.process.cgroup);
  } else {
    return fail("not a container's cgroup: " + display(path));
  }
  if (group.cgroup == 0) group.cgroup = seen.process.cgroup;
  auto record = impl_->record(group, seen.root);
  if (record.init_start_ns == 0) record.init_start_ns = seen.process.start_ns;
  if (!group.init) record.init_uid = seen.process.uid;
  return record;
}

Result<ContainerInfo> Finder::refresh(const ContainerRecord& record) const {
  auto name = parse_cgroup_path(record.cgroup_path).value_or(CgroupName{});
  if (!name.outer.empty()) {
    name = Impl::identify(record.cgroup_path, impl_->known_cgroups())
               .value_or(CgroupName{});
  }
  name.id = record.info.id;
  name.path = record.cgroup_path;
  name.runtime = record.info.runtime;
  if (const auto found = impl_->metadata(name)) return found->info;
  return fail("no runtime knows " + display(record.info.id), ENOENT);
}

Result<bool> Finder::init_alive(const ContainerRecord& record) const {
  const auto stat = impl_->proc.read_stat(record.init_pid);
  return stat && (record.init_start_ns == 0 ||
                  same_start(stat->start_ns, record.init_start_ns));
}

Result<ContainerRecord> Finder::look_again(const ContainerRecord& known) const {
  for (auto& record : running()) {
    if (record.cgroup == known.cgroup) return std::move(record);
  }
  return fail("no process of " + display(known.info.id) + " was found", ENOENT);
}

Result<bool> Finder::exists(const ContainerRecord& record) const {
  if (refresh(record)) return true;
  if (traits_of(record.info.runtime).keeps_stopped) return false;
  if (record.cgroup != 0 &&
      impl_->tree.id_of(record.cgroup_path) == record.cgroup) {
    return true;
  }
  // An upper directory is there for its container alone; a plain directory was
  // there before, and stays.
  if (record.layers.empty() || record.layers.plain) return false;
  const auto root = upper_root_of(record.layers.upper);
  return root && same_root(*root, record.root);
}

std::vector<std::uint64_t> Finder::cgroups(
    const ContainerRecord& record) const {
  std::vector<std::uint64_t> ids;
  if (record.cgroup_path.empty()) return ids;
  const auto found = impl_->tree.below(record.cgroup_path);
  // The path may be another cgroup's by now.
  if (found.empty() || found.front().id != record.cgroup) return ids;
  for (const auto& cgroup : found) ids.push_back(cgroup.id);
  return ids;
}

std::vector<Finder::Member> Finder::members(
    const ContainerRecord& record) const {
  std::map<std::uint32_t, std::pair<Member, std::uint32_t /*ppid*/>> found;
  if (record.cgroup_path.empty()) return {};
  const auto below = impl_->tree.below(record.cgroup_path);
  if (below.empty() || below.front().id != record.cgroup) return {};
  for (const auto& cgroup : below) {
    for (const std::uint32_t pid : impl_->tree.processes(cgroup.path)) {
      const auto stat = impl_->proc.read_stat(pid);
      if (!stat) continue;
      Member member;
      member.pid = pid;
      member.cgroup = cgroup.id;
      member.start_ns = stat->start_ns;
      found[pid] = {member, stat->ppid};
    }
  }
  std::vector<Member> result;
  for (auto& [pid, entry] : found) {
    // Up to init, or to the one whose parent is outside: that was exec'ed.
    std::uint32_t top = pid;
    for (std::size_t i = 0; i < found.size() && top != record.init_pid; ++i) {
      const std::uint32_t parent = found[top].second;
      if (found.count(parent) == 0) break;
      top = parent;
    }
    Member member = entry.first;
    member.from_init = top == record.init_pid;
    if (!member.from_init) {
      member.session_leader = top;
      member.first_cmd = impl_->proc.command(top);
    }
    result.push_back(std::move(member));
  }
  return result;
}

}  // namespace stillframe::containers
