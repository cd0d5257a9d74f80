// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/container_cgroups.h"

#include <algorithm>
#include <tuple>

#include "agent/base/text.h"
#include "agent/containers/bundle_search.h"
#include "agent/containers/cgroupless.h"
#include "agent/model/runtime.h"

namespace stillframe::containers {
namespace {

bool is_unknown(const CgroupName& name) {
  return name.runtime == to_string(Runtime::unknown);
}

// Whether a runtime has put the container of that id somewhere else: anybody
// who may make cgroups can name one after it.
bool is_elsewhere(const CgroupName& name, const KnownCgroups& known) {
  bool elsewhere = false;
  for (const auto& [path, id] : known.ids) {
    if (id != name.id) continue;
    if (starts_with(path, name.path + "/")) return false;
    elsewhere = true;
  }
  return elsewhere;
}

}  // namespace

std::optional<CgroupName> ContainerCgroups::identify(
    const std::string& path, const KnownCgroups& known) {
  if (is_image_build(path)) return std::nullopt;
  auto name = parse_cgroup_path(path);
  // The longest part of the path that a runtime calls its own.
  std::string part = path;
  auto match = known.ids.find(part);
  while (match == known.ids.end() && part.size() > 1) {
    part.resize(part.rfind('/'));
    match = known.ids.find(part);
  }
  const bool vouched = match != known.ids.end();
  // What a user's runtime says of its containers is the user's word.
  const bool roots_word = user_of_cgroup(path).value_or(0) == 0;
  if (name && !name->certain && (!vouched || part != name->path)) name.reset();
  if (!vouched) {
    if (name && name->outer.empty() && is_elsewhere(*name, known)) name.reset();
    return name;
  }
  if (is_image_build("/" + match->second)) return std::nullopt;
  if (name && name->path.size() > part.size()) return name;
  if (name && name->path == part) {
    name->outer.clear();
    name->vouched = roots_word;
    return name;
  }
  CgroupName by_runtime;
  by_runtime.vouched = roots_word;
  by_runtime.id = match->second;
  by_runtime.path = part;
  return by_runtime;
}

// What a user's sandbox has for a root is a tmpfs, and whoever mounted that
// stays beside it.
Result<bool> ContainerCgroups::is_alone(const std::string& path) const {
  const auto pids = tree_.processes(path);
  if (!pids) return tl::unexpected<Error>(pids.error());
  for (const auto pid : *pids) {
    const auto process = proc_.read(pid);
    if (!process && is_absence(process.error().code)) continue;
    if (!process) return tl::unexpected<Error>(process.error());
    if (!proc_.has_own_root(*process)) return false;
  }
  return true;
}

Result<bool> ContainerCgroups::is_unknown_container(
    const Process& init, const std::string& path) const {
  if (!init.is_namespace_init() || !proc_.has_own_root(init) ||
      !proc_.has_own_pids(init)) {
    return false;
  }
  const auto mounts = proc_.mounts(init.pid);
  if (!mounts && is_absence(mounts.error().code)) return false;
  if (!mounts) return tl::unexpected<Error>(mounts.error());
  const Mount* root = mount_at(*mounts, "/");
  if (root == nullptr) return false;
  if (root->type == "overlay") return true;
  // A user may have any directory of the host's for a root.
  if (init.root_owner != init.root_uid) return false;
  const auto hosts = proc_.host_mounts();
  if (!hosts) return tl::unexpected<Error>(hosts.error());
  const auto bundle = find_bundle(*root, *hosts, proc_.prefix());
  if (!bundle) return tl::unexpected<Error>(bundle.error());
  if (*bundle) return true;
  if (root->type == "tmpfs") return false;
  return is_alone(path);
}

CgroupName ContainerCgroups::unknown_name(const std::string& path,
                                          std::uint64_t id) {
  CgroupName name;
  name.runtime = to_string(Runtime::unknown);
  name.id = "cgroup-" + std::to_string(id);
  name.path = path;
  return name;
}

void ContainerCgroups::choose_init(Group& group, const StatedInits& stated,
                                   std::vector<Error>& errors) {
  if (const auto said = stated.of(group.name)) {
    // Whoever else is there came from elsewhere, or was left behind.
    auto init = stated.read(*said);
    if (!init) return note_error(errors, init.error());
    group.init = *std::move(init);
    return;
  }
  // Its pid namespace's first process; where namespaces are nested, of the
  // outermost one. Without a pid namespace of its own, the oldest process.
  const auto rank = [&](const Process& process) {
    const bool init = process.is_namespace_init();
    return std::tuple(stated.contains(process), !init,
                      init ? process.namespace_pids.size() : 0,
                      process.start_ticks, process.pid);
  };
  const auto it = std::min_element(
      group.processes.begin(), group.processes.end(),
      [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  if (it != group.processes.end() && !stated.contains(*it)) group.init = *it;
  // The one that could not be read may be it.
  if (group.unread && group.init && !group.init->is_namespace_init()) {
    group.init.reset();
  }
}

// Of the same one a container's process may see any part, wherever it went.
bool ContainerCgroups::has_another_root(const Process& one,
                                        const Process& other) const {
  const auto mounts = proc_.mounts(one.pid);
  const auto others = proc_.mounts(other.pid);
  if (!mounts || !others) return false;
  const Mount* root = mount_at(*mounts, "/");
  const Mount* others_root = mount_at(*others, "/");
  return root != nullptr && others_root != nullptr &&
         root->dev != others_root->dev;
}

// Those that have nobody left in the cgroup that they were begun in.
void ContainerCgroups::add_moved(Groups& groups, const std::string& path,
                                 const KnownCgroups& known,
                                 const StatedInits& stated,
                                 std::vector<Error>& errors) const {
  const std::string below = path == "/" ? path : path + "/";
  for (const auto& [begun, said] : known.inits) {
    if (begun != path && !starts_with(begun, below)) continue;
    auto name = identify(begun, known);
    if (!name || name->helper || groups.contains(name->path)) continue;
    auto init = stated.read(said);
    if (!init) note_error(errors, init.error());
    if (!init || !*init) continue;
    const auto id = tree_.id_of(name->path);
    if (!id) note_error(errors, id.error());
    if (!id) continue;
    Group group;
    group.cgroup = *id;
    if (*id == 0) {
      group.cgroup = cgroupless_id(**init);
      name->path.clear();
    }
    group.init = *std::move(init);
    group.name = *std::move(name);
    groups.emplace(begun, std::move(group));
  }
}

// What runs in a cgroup below a container's, is the first process of other
// namespaces and has another filesystem for a root may be a container of its
// own (is_container() says so), whatever the cgroup's name.
void ContainerCgroups::add_inner(Groups& groups,
                                 const StatedInits& stated) const {
  Groups inner;
  for (const auto& [path, group] : groups) {
    if (!group.init || is_unknown(group.name)) continue;
    for (const Part& part : group.parts) {
      if (part.path == path) continue;
      for (std::size_t i = part.first; i < part.last; ++i) {
        const Process& process = group.processes[i];
        if (!process.is_namespace_init() || stated.contains(process) ||
            process.mount_ns == group.init->mount_ns ||
            process.pid_ns == group.init->pid_ns ||
            !has_another_root(process, *group.init)) {
          continue;
        }
        Group& own = inner[part.path];
        own.name = unknown_name(part.path, part.cgroup);
        own.name.outer = path;
        own.cgroup = part.cgroup;
        own.init = process;
        break;
      }
    }
  }
  groups.merge(inner);
}

// A container may make cgroups of any name below its own and go there: as long
// as it stays in its mount namespace, it is still itself.
void ContainerCgroups::drop_shared(Groups& groups) {
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

void ContainerCgroups::add_processes(Group& group,
                                     const std::vector<std::uint32_t>& pids,
                                     std::vector<Error>& errors) const {
  for (const std::uint32_t pid : pids) {
    auto process = proc_.read(pid);
    if (process && proc_.has_own_root(*process)) {
      group.processes.push_back(std::move(*process));
    }
    if (!process && !is_absence(process.error().code)) {
      group.unread = true;
      note_error(errors, process.error());
    }
  }
}

ContainerCgroups::Groups ContainerCgroups::read_groups(
    const std::string& path, const KnownCgroups& known,
    std::vector<Error>& errors) const {
  const auto cgroups = tree_.below(path);
  note_errors(errors, cgroups.errors);
  Groups groups;
  for (const auto& cgroup : cgroups.items) {
    if (cgroup.path == "/" || is_image_build(cgroup.path)) continue;
    auto name = identify(cgroup.path, known);
    if (name && name->helper) continue;
    const auto pids = tree_.processes(cgroup.path);
    if (!pids) note_error(errors, pids.error());
    if (!pids || pids->empty()) continue;
    if (!name) name = unknown_name(cgroup.path, cgroup.id);
    Group& group = groups[name->path];
    if (group.cgroup == 0) {
      const auto id = tree_.id_of(name->path);
      if (!id) note_error(errors, id.error());
      group.cgroup = id.value_or(0);
      group.name = *name;
    }
    Part part{cgroup.path, cgroup.id, group.processes.size(), 0};
    add_processes(group, *pids, errors);
    part.last = group.processes.size();
    group.parts.push_back(std::move(part));
  }
  return groups;
}

Listing<std::string> ContainerCgroups::unread() const {
  Listing<std::string> ids;
  const auto known = files_.cgroups();
  note_errors(ids.errors, known.errors);
  const auto cgroups = tree_.below();
  note_errors(ids.errors, cgroups.errors);
  for (const auto& cgroup : cgroups.items) {
    const auto name = identify(cgroup.path, known);
    if (!name || name->helper || !name->outer.empty()) continue;
    const auto pids = tree_.processes(cgroup.path);
    Group group;
    std::vector<Error> errors;
    if (pids) add_processes(group, *pids, errors);
    if (!pids || group.unread) ids.items.push_back(name->id);
  }
  return ids;
}

bool ContainerCgroups::is_container(const Group& group,
                                    std::vector<Error>& errors) const {
  if (!group.init || group.cgroup == 0) return false;
  if (!is_unknown(group.name)) return true;
  const auto unknown = is_unknown_container(*group.init, group.name.path);
  if (!unknown) note_error(errors, unknown.error());
  return unknown.value_or(false);
}

Listing<ContainerCgroup> ContainerCgroups::below(
    const std::string& path) const {
  Listing<ContainerCgroup> result;
  const auto known = files_.cgroups();
  note_errors(result.errors, known.errors);
  const StatedInits stated(known, proc_);
  Groups groups = read_groups(path, known, result.errors);
  for (auto& [own, group] : groups) choose_init(group, stated, result.errors);
  add_moved(groups, path, known, stated, result.errors);
  add_inner(groups, stated);
  std::erase_if(groups, [&](const auto& item) {
    return !is_container(item.second, result.errors);
  });
  drop_shared(groups);
  for (auto& [own, group] : groups) {
    result.items.push_back({group.name, group.cgroup, group.init});
  }
  if (path == "/") add_cgroupless(groups, result);
  return result;
}

// A container's process that went to the root cgroup is in that one's mount
// namespace, or has that one's rootfs, by which it is known.
void ContainerCgroups::add_cgroupless(const Groups& groups,
                                      Listing<ContainerCgroup>& result) const {
  std::set<std::uint64_t> known;
  for (const auto& [path, group] : groups) known.insert(group.init->mount_ns);
  auto inits = cgroupless_inits(tree_, proc_, std::move(known));
  note_errors(result.errors, inits.errors);
  for (auto& init : inits.items) {
    const auto mounts = proc_.mounts(init.pid);
    if (!mounts && !is_absence(mounts.error().code)) {
      note_error(result.errors, mounts.error());
    }
    const Mount* root = mounts ? mount_at(*mounts, "/") : nullptr;
    // A user's sandbox has a tmpfs or a part of the host's tree.
    if (root == nullptr || !(root->type == "overlay" ||
                             starts_with(root->type, "fuse.fuse-overlay"))) {
      continue;
    }
    const std::uint64_t id = cgroupless_id(init);
    CgroupName name = unknown_name("", id);
    // The namespace's number is another's as soon as this one is gone.
    name.id = "mounts-" + std::to_string(init.mount_ns) + "-" +
              std::to_string(init.start_ticks);
    result.items.push_back({std::move(name), id, std::move(init)});
  }
}

}  // namespace stillframe::containers
