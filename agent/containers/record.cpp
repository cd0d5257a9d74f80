// SPDX-License-Identifier: Apache-2.0
//
// Finder: what is known of one container, put together.
#include "agent/base/text.h"
#include "agent/containers/directory.h"
#include "agent/containers/finder_impl.h"
#include "agent/containers/host_path.h"
#include "agent/containers/layers.h"
#include "agent/model/inode_identity.h"
#include "agent/model/runtime.h"

namespace stillframe::containers {
namespace {

constexpr std::size_t kMaxMounts = 4096;
constexpr const char* kPodUid = "io.kubernetes.pod.uid";

// What the cgroup's path alone tells.
ContainerInfo info_of(const CgroupName& name) {
  ContainerInfo info;
  info.id = name.id;
  info.name = name.system_name.empty() ? name.id : name.system_name;
  info.runtime =
      name.runtime.empty() ? to_string(Runtime::unknown) : name.runtime;
  info.workload = name.system_name;
  return info;
}

}  // namespace

std::optional<RuntimeMetadata> Finder::Impl::metadata(
    const CgroupName& name) const {
  // A container within a container has its runtime's files in there: what the
  // host has under the same id is another's.
  if (!name.outer.empty()) return std::nullopt;
  const std::string runtime =
      name.runtime == to_string(Runtime::unknown) ? "" : name.runtime;
  for (const auto& resolver : resolvers) {
    if (!resolver->serves(runtime)) continue;
    auto found = resolver->find({name.id, name.path});
    if (!found) continue;
    for (const auto& other : resolvers) {
      if (other == resolver || !other->learn(*found)) continue;
      auto better = other->find({name.id, name.path});
      if (!better) continue;
      better->rootfs = found->rootfs;
      better->bundle = found->bundle;
      return better;
    }
    return found;
  }
  return std::nullopt;
}

std::vector<std::string> Finder::Impl::layer_roots() const {
  std::vector<std::string> roots;
  for (const auto& resolver : resolvers) {
    const auto more = resolver->layer_roots();
    roots.insert(roots.end(), more.begin(), more.end());
  }
  for (const auto& runtime : kRuntimes) {
    for (const auto root : runtime.layer_roots) {
      roots.push_back(prefix + std::string(root));
    }
  }
  return roots;
}

ContainerRecord Finder::Impl::record(const Group& group,
                                     const UpperRoot& seen) const {
  ContainerRecord record;
  record.cgroup = group.cgroup;
  record.cgroup_path = group.name.path;
  RuntimeMetadata known;
  if (auto found = metadata(group.name)) {
    known = std::move(*found);
    record.info = known.info;
    record.trouble = known.trouble;
  } else {
    record.info = info_of(group.name);
    if (group.name.runtime != to_string(Runtime::unknown)) {
      record.trouble.push_back("no runtime's files tell about it");
    }
  }
  if (!group.name.pod_uid.empty()) {
    record.info.labels.emplace(kPodUid, group.name.pod_uid);
  }
  std::optional<Mount> root;
  if (group.init) {
    record.init_pid = group.init->pid;
    record.init_start_ns = group.init->start_ns;
    record.init_uid = group.init->uid;
    add_mounts(*group.init, record, root);
  }
  add_layers(group, known, root, seen, record);
  return record;
}

void Finder::Impl::add_mounts(const Process& init, ContainerRecord& record,
                              std::optional<Mount>& root) const {
  const auto mounts = proc.mounts(init.pid);
  if (!mounts) {
    // A process that has just ended has no mounts left (EINVAL: a zombie).
    const int code = mounts.error().code;
    if (code != ENOENT && code != ESRCH && code != EINVAL) {
      record.trouble.push_back(mounts.error().message);
    }
    return;
  }
  record.mounts = mount_points(*mounts, kMaxMounts);
  if (record.mounts.size() == kMaxMounts) {
    record.trouble.push_back("more mounts than are kept");
  }
  if (const Mount* mount = mount_at(*mounts, "/")) root = *mount;
}

// Layers by a mount's options. Whoever mounted it by hand may have stood in the
// bundle or beside the rootfs; that is a guess, to be proven by the inode:
// where all layers are on one filesystem, the overlay's root has the upper's
// number.
Result<OverlayLayers> Finder::Impl::mounted_layers(
    const Mount& mount, const RuntimeMetadata& known,
    const std::optional<Process>& init, const UpperRoot& seen) const {
  const auto options = parse_overlay(mount);
  auto layers = find_layers(options, prefix, layer_roots(), seen);
  if (layers || known.bundle.empty()) return layers;
  std::vector<std::string> guesses{prefix + known.bundle};
  if (const auto slash = known.rootfs.rfind('/');
      slash != std::string::npos && slash != 0) {
    guesses.push_back(prefix + known.rootfs.substr(0, slash));
  }
  auto guessed = find_layers(options, prefix, guesses, seen);
  if (!guessed) return layers;
  const auto identity = upper_root_of(guessed->upper);
  const bool proven =
      seen || (identity && init && identity->inode.ino == init->root_ino);
  return proven ? guessed : layers;
}

// The runtime's files are believed before the mount's options: a container with
// the right to mount can give itself a root whose options name any path.
void Finder::Impl::add_layers(const Group& group, const RuntimeMetadata& known,
                              const std::optional<Mount>& root,
                              const UpperRoot& seen,
                              ContainerRecord& record) const {
  record.root = seen;
  UpperRoot wanted = seen;
  if (!wanted && group.init &&
      (known.layers.plain || (root && root->type != "overlay"))) {
    wanted = proc.root(group.init->pid).value_or(UpperRoot{});
  }
  const auto accept = [&](const OverlayLayers& layers) {
    const auto identity = upper_root_of(layers.upper);
    if (!identity || (wanted && !same_root(*identity, wanted))) return false;
    if (!record.root) record.root = *identity;
    record.layers = layers;
    return true;
  };
  if (!known.layers.empty() && accept(known.layers)) return;
  std::optional<Mount> mount = root;
  if (!mount && !known.rootfs.empty()) {
    // Its init is gone: the host may still have the rootfs mounted.
    const auto mounts = proc.host_mounts();
    const Mount* found = mounts ? mount_at(*mounts, known.rootfs) : nullptr;
    if (found != nullptr) mount = *found;
  }
  const bool nested = !group.name.outer.empty();
  if (mount && mount->type != "overlay") {
    for (const auto& path : directories(known, *mount)) {
      if (wanted && accept({path, {}, true})) return;
    }
    record.trouble.push_back("its rootfs, of type " + display(mount->type) +
                             ", is in no place that the host sees");
    if (!seen) return;
  } else if (mount && nested && !seen) {
    record.trouble.push_back(
        "a container within a container: its layers' paths are not the host's");
    return;
  } else if (mount) {
    const auto layers = mounted_layers(*mount, known, group.init, seen);
    if (layers && accept(*layers)) return;
    if (!layers) record.trouble.push_back(layers.error().message);
  }
  if (!seen) return;
  if (!known.rootfs.empty() && accept({prefix + known.rootfs, {}, true})) {
    return;
  }
  const auto stored = layers_of_upper(seen);
  if (stored && accept(*stored)) return;
  record.trouble.push_back("the upper directory that the kernel names, inode " +
                           std::to_string(seen.inode.ino) +
                           ", is in no known place");
}

// Where a rootfs that is a directory may be.
std::vector<std::string> Finder::Impl::directories(const RuntimeMetadata& known,
                                                   const Mount& root) const {
  std::vector<std::string> paths;
  if (!known.rootfs.empty()) paths.push_back(prefix + known.rootfs);
  if (const auto mounts = proc.host_mounts()) {
    for (const auto& path : host_paths(root, *mounts)) {
      paths.push_back(prefix + path);
    }
  }
  return paths;
}

// The stored container whose upper directory the kernel named.
std::optional<OverlayLayers> Finder::Impl::layers_of_upper(
    const UpperRoot& seen) const {
  for (const auto& resolver : resolvers) {
    for (const auto& upper : resolver->uppers()) {
      const auto identity = upper_root_of(upper);
      if (!identity || !same_root(*identity, seen)) continue;
      for (const auto& kept : resolver->stored()) {
        if (kept.layers.upper == upper) return kept.layers;
      }
    }
  }
  return std::nullopt;
}

}  // namespace stillframe::containers
