// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/finder.h"

#include <algorithm>
#include <set>

#include "agent/base/text.h"
#include "agent/containers/bundle_search.h"
#include "agent/containers/cgroupless.h"
#include "agent/containers/directory.h"
#include "agent/containers/host_path.h"
#include "agent/containers/rootfs_search.h"
#include "agent/containers/workload.h"
#include "agent/model/inode_identity.h"
#include "agent/model/runtime.h"

namespace stillframe::containers {
namespace {

// What the cgroup's path alone shows.
ContainerInfo info_of(const CgroupName& name) {
  ContainerInfo info;
  info.id = name.id;
  info.name = name.system_name.empty() ? name.id : name.system_name;
  info.runtime =
      name.runtime.empty() ? to_string(Runtime::unknown) : name.runtime;
  info.workload = name.system_name;
  return info;
}

// Runtimes call a cgroup after its container, unless asked for another.
std::string name_by_cgroup(const CgroupName& cgroup) {
  constexpr std::string_view kScope = ".scope";
  std::string name = cgroup.path.substr(cgroup.path.rfind('/') + 1);
  if (ends_with(name, kScope)) name.resize(name.size() - kScope.size());
  return is_plain_name(name) ? name : cgroup.id;
}

tl::unexpected<Error> not_a_container(const std::string& what,
                                      const std::string& path) {
  return tl::unexpected<Error>(Error{ENOENT, what + ": " + display(path)});
}

}  // namespace

Finder::Finder(CgroupLayout layout, std::string host_prefix)
    : layout_(std::move(layout)),
      prefix_(std::move(host_prefix)),
      tree_(prefix_ + layout_.observed_mount),
      proc_(prefix_),
      files_({layout_, prefix_}),
      containers_(tree_, proc_, files_),
      membership_(tree_, proc_),
      environment_(layout_, proc_, prefix_),
      name_watch_(std::make_unique<NameWatch>()),
      names_(std::make_unique<std::map<std::string, std::string>>()),
      cgroupless_(std::make_unique<CgrouplessWatch>()) {}

Listing<ContainerRecord> Finder::running_besides(
    const std::unordered_set<std::uint64_t>& known) const {
  Listing<ContainerRecord> records;
  auto found = containers_.below();
  records.errors = std::move(found.errors);
  for (const auto& container : found.items) {
    if (known.contains(container.cgroup)) continue;
    if (auto record = record_of(container, {})) {
      records.items.push_back(*std::move(record));
    }
  }
  // Who is sure to be who it says comes before whoever poses as it.
  std::stable_sort(
      records.items.begin(), records.items.end(),
      [](const auto& a, const auto& b) { return a.standing < b.standing; });
  return records;
}

bool Finder::cgroupless_began() const {
  return cgroupless_->began(tree_, proc_);
}

Listing<ContainerRecord> Finder::stopped() const {
  Listing<ContainerRecord> records;
  // One that runs in a cgroup that could not be read would pass for stopped. A
  // cgroup's name alone does not say that one runs.
  auto unread = containers_.unread();
  records.errors = std::move(unread.errors);
  if (!records.complete()) return records;
  const std::set<std::string> unknown(unread.items.begin(), unread.items.end());
  auto stored = files_.stored();
  records.errors = std::move(stored.errors);
  for (auto& kept : stored.items) {
    if (unknown.contains(kept.info.id) || kept.build) continue;
    if (kept.unread) note_error(records.errors, *kept.unread);
    if (kept.layers.empty()) continue;
    const auto root = upper_root_of(kept.layers.upper);
    if (!root && !is_absence(root.error().code)) {
      note_error(records.errors, root.error());
    }
    if (!root) continue;  // removed meanwhile
    ContainerRecord record;
    record.info = std::move(kept.info);
    record.layers = std::move(kept.layers);
    record.asked = std::move(kept.asked);
    record.trouble = std::move(kept.trouble);
    record.root = *root;
    records.items.push_back(std::move(record));
  }
  return records;
}

// A runtime that was started with a place of its own for its files names that
// nowhere; but what it mounts into its containers comes from there. Of what
// runs within a container or is a user's that says nothing: who is root there
// mounts what it likes.
MetadataResult Finder::find(const ContainerCgroup& container) const {
  auto found = files_.find(container.name);
  const auto user = user_of_cgroup(container.name.path);
  const bool hosts = container.name.outer.empty() && user.value_or(0) == 0 &&
                     !is_cgroupless(container.cgroup);
  if (!found || *found || !container.init || !hosts) return found;
  const auto mounts = proc_.mounts(container.init->pid);
  const auto host = proc_.host_mounts();
  const Mount* hostname = mounts ? mount_at(*mounts, "/etc/hostname") : nullptr;
  if (hostname == nullptr || !host) return found;
  RuntimeMetadata known;
  known.info.id = container.name.id;
  for (auto& path : host_paths(*hostname, *host)) {
    known.hostname = std::move(path);
    if (files_.learn(known)) return files_.find(container.name);
  }
  return found;
}

// By the path of its cgroup, or by where its parent is: on a host with both
// kinds of hierarchies an inner runtime makes cgroups at the top of the unified
// one.
std::string Finder::outer_of(const ContainerCgroup& container) const {
  std::string path = container.name.outer;
  if (path.empty() && container.init) {
    const auto parent = proc_.read(container.init->ppid);
    if (!parent || !proc_.has_own_root(*parent) ||
        parent->mount_ns == container.init->mount_ns) {
      return "";
    }
    path = proc_.cgroup(parent->pid, layout_.observed).value_or("");
  }
  if (path.empty()) return "";
  const auto name = ContainerCgroups::identify(path, files_.cgroups_for(path));
  return name ? name->id : "";
}

// From where the command of the one that started it, who is root and the
// host's, says that its runtime has its states.
std::optional<RuntimeMetadata> Finder::stated(const Process& init) const {
  const auto parent = proc_.read(init.ppid);
  if (parent && parent->uid == 0 && !proc_.has_own_root(*parent)) {
    const auto directory = proc_.root_option(init.ppid);
    if (!directory.empty()) files_.learn_states(directory);
  }
  std::set<unsigned> users{init.root_uid};
  if (parent) users.insert(parent->uid);
  return files_.of_init(init, users);
}

// From its bundle, if it has its rootfs in there.
std::optional<RuntimeMetadata> Finder::bundled(const CgroupName& cgroup,
                                               const Process& init) const {
  RuntimeMetadata known;
  known.info.runtime = to_string(Runtime::unknown);
  const auto mounts = proc_.mounts(init.pid);
  const auto host = proc_.host_mounts();
  const Mount* root = mounts ? mount_at(*mounts, "/") : nullptr;
  if (root == nullptr || !host) return std::nullopt;
  auto found = find_bundle(*root, *host, prefix_);
  if (!found) {
    known.note("bundle", found.error());
    known.info.name = name_by_cgroup(cgroup);
    return known;
  }
  auto& bundle = *found;
  if (!bundle) return std::nullopt;
  known.info.labels = std::move(bundle->config.annotations);
  apply_annotations(known.info.labels, known.info);
  if (known.info.name.empty()) known.info.name = name_by_cgroup(cgroup);
  known.info.workload = workload_of(known.info, true);
  known.rootfs = std::move(bundle->rootfs);
  known.bundle = std::move(bundle->path);
  known.asked = std::move(bundle->config.asked);
  return known;
}

// Of one whose runtime keeps its files where nobody looks. Its id stays that of
// its cgroup: what is found here is not found each time.
void Finder::add_found(const ContainerCgroup& container, RuntimeMetadata& known,
                       ContainerInfo& info) const {
  if (!container.init || !container.name.outer.empty()) return;
  auto found = stated(*container.init);
  if (!found) found = bundled(container.name, *container.init);
  if (!found) return;
  known = *std::move(found);
  // A user's own files are found each time.
  if (!is_cgroupless(container.cgroup) || !known.user) known.info.id = info.id;
  info = known.info;
}

// crun writes down what it began once that runs: on a busy machine a good while
// later. In this order, or the one that wrote meanwhile and ended is missed.
bool Finder::is_unwritten(const ContainerCgroup& container) const {
  if (!container.init || !container.name.outer.empty()) return false;
  const auto starter = proc_.read_stat(container.init->ppid);
  return (starter && starter->at_work && starter->comm == "crun") ||
         files_.mentions(container.name.path);
}

std::optional<ContainerRecord> Finder::record_of(
    const ContainerCgroup& container, const UpperRoot& seen) const {
  ContainerRecord record;
  record.cgroup = container.cgroup;
  record.cgroup_path = container.name.path;
  record.info = info_of(container.name);
  RuntimeMetadata known;
  auto found = find(container);
  if (found && *found && (*found)->build) return std::nullopt;
  if (!found) {
    known.note("metadata", found.error());
  } else if (*found) {
    known = std::move(**found);
    record.info = known.info;
  } else if (container.name.runtime != to_string(Runtime::unknown)) {
    known.trouble.emplace_back("no runtime's files mention it");
  } else {
    add_found(container, known, record.info);
    record.unwritten = runtime_from(record.info.runtime) == Runtime::unknown &&
                       is_unwritten(container);
  }
  record.info.outer = outer_of(container);
  record.user = known.user;
  record.asked = known.asked;
  record.trouble = known.trouble;
  if (!container.name.pod_uid.empty()) {
    record.info.labels.emplace(kPodUidLabel, container.name.pod_uid);
  }
  if (container.init) {
    record.init_pid = container.init->pid;
    record.init_start_ns = container.init->start_ns;
    record.init_uid = container.init->own_uid;
    record.owners = {container.init->root_uid, container.init->uid};
  }
  if (container.init && !proc_.has_own_root(*container.init)) {
    record.standing = Standing::confirmed;
    record.trouble.emplace_back(
        "its root is the host's own: what it changes is the host's");
    return record;
  }
  RootfsSearch({prefix_, proc_, files_}, container, known, seen, record).run();
  return record;
}

// None: its process is gone, or is in another cgroup by now.
Result<std::optional<Process>> Finder::seen_process(
    const LiveObservation& seen) const {
  const auto gone_or =
      [](const Error& error) -> Result<std::optional<Process>> {
    if (is_absence(error.code)) return std::nullopt;
    return tl::unexpected<Error>(error);
  };
  auto process = proc_.read(seen.process.pid);
  if (!process) return gone_or(process.error());
  if (!same_start(process->start_ns, seen.process.start_ns)) {
    return std::nullopt;
  }
  const auto path = proc_.cgroup(process->pid, layout_.observed);
  if (!path) return gone_or(path.error());
  const auto id = tree_.id_of(*path);
  if (!id) return tl::unexpected<Error>(id.error());
  if (*id != seen.process.cgroup) return std::nullopt;
  return std::optional(std::move(*process));
}

// Where its cgroup is, or was: once removed, two components are left of it.
Result<std::string> Finder::seen_path(const LiveObservation& seen) const {
  auto by_process = proc_.cgroup(seen.process.pid, layout_.observed);
  if (!by_process && !is_absence(by_process.error().code)) return by_process;
  if (by_process) {
    const auto id = tree_.id_of(*by_process);
    if (!id) return tl::unexpected<Error>(id.error());
    if (*id == seen.process.cgroup) return by_process;
  }
  auto by_id = tree_.path_of(seen.process.cgroup);
  if (!by_id || !by_id->empty()) return by_id;
  const std::string parent =
      seen.cgroup_parent.empty() || seen.cgroup_parent == "/"
          ? ""
          : "/" + seen.cgroup_parent;
  return parent + "/" + seen.cgroup_name;
}

Result<ContainerCgroup> Finder::seen_container(const LiveObservation& seen,
                                               const std::string& path) const {
  ContainerCgroup container;
  auto process = seen_process(seen);
  if (!process) return tl::unexpected<Error>(process.error());
  container.init = std::move(*process);
  const auto known = files_.cgroups_for(path);
  const auto name = ContainerCgroups::identify(path, known);
  if (name && name->helper) return not_a_container("a helper's cgroup", path);
  if (name) {
    const auto id = tree_.id_of(name->path);
    if (!id) return tl::unexpected<Error>(id.error());
    container.name = *name;
    container.cgroup = *id;
  } else if (is_image_build(path)) {
    return not_a_container("an image build's cgroup", path);
  } else if (!known.errors.empty()) {
    // Some runtime may call it its own.
    return tl::unexpected<Error>(known.errors.front());
  } else {
    const auto unknown =
        container.init ? containers_.is_unknown_container(*container.init, path)
                       : Result<bool>(false);
    if (!unknown) return tl::unexpected<Error>(unknown.error());
    if (!*unknown) return not_a_container("not a container's cgroup", path);
    container.name = ContainerCgroups::unknown_name(path, seen.process.cgroup);
  }
  if (container.cgroup == 0) container.cgroup = seen.process.cgroup;
  return container;
}

Result<std::optional<ContainerRecord>> Finder::resolve(
    const LiveObservation& seen) const {
  const auto path = seen_path(seen);
  if (!path) return tl::unexpected<Error>(path.error());
  const auto container = seen_container(seen, *path);
  if (!container) return tl::unexpected<Error>(container.error());
  auto record = record_of(*container, seen.root);
  if (!record) return record;
  if (record->init_start_ns == 0) record->init_start_ns = seen.process.start_ns;
  if (!container->init) record->init_uid = seen.process.uid;
  return record;
}

MetadataResult Finder::metadata_of(const ContainerRecord& record) const {
  auto name = parse_cgroup_path(record.cgroup_path).value_or(CgroupName{});
  if (!name.outer.empty()) {
    const auto known = files_.cgroups_for(record.cgroup_path);
    name = ContainerCgroups::identify(record.cgroup_path, known)
               .value_or(CgroupName{});
    if (!name.outer.empty() && !known.errors.empty()) {
      return tl::unexpected<Error>(known.errors.front());
    }
  }
  name.id = record.info.id;
  name.space = record.info.space;
  name.path = record.cgroup_path;
  name.runtime = record.info.runtime;
  return files_.find(name, record.user);
}

Result<ContainerInfo> Finder::refresh(const ContainerRecord& record) const {
  auto found = metadata_of(record);
  if (!found) return tl::unexpected<Error>(found.error());
  if (!*found) {
    return fail("no runtime knows " + display(record.info.id), ENOENT);
  }
  // Half of it would take names and labels away.
  if ((*found)->unread) return tl::unexpected<Error>(*(*found)->unread);
  (*found)->info.outer = record.info.outer;
  return std::move((*found)->info);
}

bool Finder::names_touched() const { return name_watch_->touched(); }

int Finder::names_fd() const { return name_watch_->poll_fd(); }

std::map<std::string, std::string> Finder::new_names() const {
  // Before they are read: what is written from here on is noticed.
  name_watch_->watch(files_.name_places());
  auto names = files_.names();
  auto fresh = names;
  std::erase_if(fresh, [&](const auto& item) {
    const auto known = names_->find(item.first);
    return known != names_->end() && known->second == item.second;
  });
  *names_ = std::move(names);
  return fresh;
}

Result<bool> Finder::init_alive(const ContainerRecord& record) const {
  const auto stat = proc_.read_stat(record.init_pid);
  if (!stat && is_absence(stat.error().code)) return false;
  if (!stat) return tl::unexpected<Error>(stat.error());
  return record.init_start_ns == 0 ||
         same_start(stat->start_ns, record.init_start_ns);
}

Result<ContainerRecord> Finder::look_again(const ContainerRecord& known) const {
  const auto found =
      containers_.below(is_cgroupless(known.cgroup) ? "/" : known.cgroup_path);
  for (const auto& container : found.items) {
    if (container.cgroup != known.cgroup) continue;
    if (auto record = record_of(container, known.root)) return *record;
  }
  if (!found.complete()) return tl::unexpected<Error>(found.errors.front());
  return fail("no process of " + display(known.info.id) + " was found", ENOENT);
}

// Its manager removes the bundle with the container. The state of a runc that
// was killed before it removed that one stays, and nobody comes for it.
bool Finder::is_left_behind(const RuntimeMetadata& known) const {
  if (!known.layers.empty() || known.bundle.empty() ||
      !traits_of(known.info.runtime).keeps_stopped) {
    return false;
  }
  return !is_directory(prefix_ + known.bundle).value_or(true);
}

Result<bool> Finder::exists(const ContainerRecord& record) const {
  const auto found = metadata_of(record);
  if (!found) return tl::unexpected<Error>(found.error());
  if (*found) return !is_left_behind(**found);
  const RuntimeTraits& runtime = traits_of(record.info.runtime);
  if (runtime.keeps_stopped) return false;
  if (record.cgroup != 0) {
    const auto id = tree_.id_of(record.cgroup_path);
    if (!id) return tl::unexpected<Error>(id.error());
    if (*id == record.cgroup) return true;
  }
  // An upper directory is there for its container alone; a plain directory may
  // have been there before, and stay.
  if (record.layers.empty()) return false;
  if (record.layers.plain && !runtime.owns_directory) return false;
  const auto root = upper_root_of(record.layers.upper);
  if (root) return same_root(*root, record.root);
  if (is_absence(root.error().code)) return false;
  return tl::unexpected<Error>(root.error());
}

Result<std::vector<Finder::Member>> Finder::members(
    const ContainerRecord& record) const {
  return membership_.members(record);
}

std::optional<Finder::Program> Finder::program(std::uint32_t pid) const {
  auto path = proc_.program(pid);
  if (path.empty()) return std::nullopt;
  const auto uid = proc_.uid(pid);
  if (!uid) return std::nullopt;
  return Program{std::move(path), *uid};
}

Result<std::vector<std::uint64_t>> Finder::cgroups(
    const ContainerRecord& record) const {
  return membership_.cgroups(record);
}

Result<std::vector<MountEntry>> Finder::mounts(
    const ContainerRecord& record) const {
  return environment_.mounts(record);
}

Result<std::vector<std::string>> Finder::limit_directories(
    const ContainerRecord& record) const {
  return environment_.limit_directories(record);
}

Result<bool> Finder::device_allowed(const ContainerRecord& record,
                                    const DeviceObservation& asked) const {
  return environment_.device_allowed(record, asked);
}

}  // namespace stillframe::containers
