// SPDX-License-Identifier: Apache-2.0
//
// Finder: which cgroups are containers', and who their init is.
#include <algorithm>

#include "agent/base/text.h"
#include "agent/containers/docker_resolver.h"
#include "agent/containers/finder_impl.h"
#include "agent/containers/podman_resolver.h"
#include "agent/containers/runc_resolver.h"
#include "agent/model/runtime.h"

namespace stillframe::containers {

Finder::Impl::Impl(CgroupLayout cgroup_layout, std::string host_prefix)
    : layout(std::move(cgroup_layout)),
      prefix(std::move(host_prefix)),
      tree(prefix + layout.observed_mount),
      proc(prefix) {
  // runc last: it knows others' containers too, but less of them.
  resolvers.push_back(std::make_unique<PodmanResolver>(prefix));
  resolvers.push_back(std::make_unique<DockerResolver>(prefix));
  resolvers.push_back(std::make_unique<RuncResolver>(layout, prefix));
}

Finder::Impl::KnownCgroups Finder::Impl::known_cgroups() const {
  KnownCgroups known;
  for (const auto& resolver : resolvers) known.merge(resolver->cgroups());
  return known;
}

std::optional<CgroupName> Finder::Impl::identify(const std::string& path,
                                                 const KnownCgroups& known) {
  if (is_image_build(path)) return std::nullopt;
  auto name = parse_cgroup_path(path);
  // The longest part of the path that a runtime calls its own.
  std::string part = path;
  auto match = known.find(part);
  while (match == known.end() && part.size() > 1) {
    part.resize(part.rfind('/'));
    match = known.find(part);
  }
  if (name && !name->certain && (match == known.end() || part != name->path)) {
    name.reset();
  }
  if (match == known.end()) return name;
  if (is_image_build("/" + match->second)) return std::nullopt;
  if (name && name->path.size() > part.size()) return name;
  if (name && name->path == part) {
    name->outer.clear();  // a runtime of this host vouches for it
    return name;
  }
  CgroupName by_runtime;
  by_runtime.id = match->second;
  by_runtime.path = part;
  return by_runtime;
}

bool Finder::Impl::is_unknown_container(const Process& init) const {
  if (!init.is_namespace_init() || !proc.has_own_root(init) ||
      !proc.has_own_pids(init)) {
    return false;
  }
  const auto mounts = proc.mounts(init.pid);
  if (!mounts) return false;
  const Mount* root = mount_at(*mounts, "/");
  return root != nullptr && root->type == "overlay";
}

CgroupName Finder::Impl::unknown_name(const std::string& path,
                                      std::uint64_t id) {
  CgroupName name;
  name.runtime = to_string(Runtime::unknown);
  name.id = "cgroup-" + std::to_string(id);
  name.path = path;
  return name;
}

void Finder::Impl::choose_init(Group& group) const {
  // Its pid namespace's first process; where namespaces are nested, of the
  // outermost one. Without a pid namespace of its own, the oldest process.
  const auto rank = [](const Process& process) {
    const bool init = process.is_namespace_init();
    return std::tuple(!init, init ? process.namespace_pids.size() : 0,
                      process.start_ticks, process.pid);
  };
  const auto it = std::min_element(
      group.processes.begin(), group.processes.end(),
      [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  if (it != group.processes.end()) group.init = *it;
}

// A container may make cgroups of any name below its own and go there: as long
// as it stays in its mount namespace, it is still itself.
void Finder::Impl::drop_shared(std::map<std::string, Group>& groups) {
  for (auto it = groups.begin(); it != groups.end();) {
    std::string part = it->first;
    bool shared = false;
    while (!shared && part.size() > 1) {
      part.resize(part.rfind('/'));
      const auto around = groups.find(part);
      shared = around != groups.end() &&
               around->second.init->mount_ns == it->second.init->mount_ns;
    }
    it = shared ? groups.erase(it) : std::next(it);
  }
}

std::map<std::string, Finder::Impl::Group> Finder::Impl::groups() const {
  const KnownCgroups known = known_cgroups();
  std::map<std::string, Group> result;
  for (const auto& cgroup : tree.below()) {
    if (cgroup.path == "/" || is_image_build(cgroup.path)) continue;
    auto name = identify(cgroup.path, known);
    if (name && name->helper) continue;
    const auto pids = tree.processes(cgroup.path);
    if (pids.empty()) continue;
    if (!name) name = unknown_name(cgroup.path, cgroup.id);
    Group& group = result[name->path];
    if (group.cgroup == 0) {
      group.cgroup = tree.id_of(name->path);
      group.name = *name;
    }
    for (const std::uint32_t pid : pids) {
      const auto process = proc.read(pid);
      if (process && proc.has_own_root(*process)) {
        group.processes.push_back(*process);
      }
    }
  }
  for (auto& [path, group] : result) choose_init(group);
  std::erase_if(result, [&](const auto& item) {
    const Group& group = item.second;
    return !group.init || group.cgroup == 0 ||
           (group.name.runtime == to_string(Runtime::unknown) &&
            !is_unknown_container(*group.init));
  });
  drop_shared(result);
  return result;
}

}  // namespace stillframe::containers
