// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/containerd_resolver.h"

#include <algorithm>

#include "agent/containers/cgroup_path.h"
#include "agent/containers/resolvers.h"
#include "agent/containers/workload.h"
#include "agent/model/runtime.h"

namespace stillframe::containers {
namespace {

constexpr std::size_t kMaxStores = 64;
constexpr std::size_t kMaxKept = 16'384;

}  // namespace

ContainerdResolver::ContainerdResolver(std::string host_prefix)
    : prefix_(std::move(host_prefix)), proc_(prefix_) {
  stores_.emplace_back(prefix_ + "/var/lib/containerd");
}

bool ContainerdResolver::serves(std::string_view runtime) const {
  return runtime == to_string(Runtime::containerd) || runtime.empty();
}

MetadataResult ContainerdResolver::find(const RuntimeQuery& query) {
  if (query.user.value_or(0) != 0) return std::nullopt;  // root's alone
  if (!is_plain_name(query.id)) return std::nullopt;
  std::vector<Key> found;
  for (const auto& store : stores_) {
    const auto spaces = store.spaces_of(query.id);
    if (!spaces) return tl::unexpected<Error>(spaces.error());
    for (const auto& space : *spaces) {
      const bool asked = query.space.empty() || query.space == space;
      if (asked && space != kDockerSpace) found.emplace_back(space, query.id);
    }
  }
  // Of several nothing says which one is meant.
  if (found.size() != 1) return std::nullopt;
  const Key& key = found.front();
  auto entry = entry_of("", key);
  if (!entry) return tl::unexpected<Error>(entry.error());
  if (!*entry) return std::nullopt;
  RuntimeMetadata result;
  result.info.id = query.id;
  result.info.space = key.first;
  result.info.runtime = to_string(Runtime::containerd);
  add(key, std::move(**entry), result);
  return result;
}

void ContainerdResolver::complete(RuntimeMetadata& known) {
  if (known.info.runtime != to_string(Runtime::containerd) ||
      known.info.space.empty()) {
    return;
  }
  const Key key{known.info.space, known.info.id};
  Kept& kept = kept_of(key);
  if (kept.init_pid != known.init_pid ||
      kept.init_start_ticks != known.init_start_ticks) {
    kept.init_pid = known.init_pid;
    kept.init_start_ticks = known.init_start_ticks;
    kept.root = mounted_root(known);
  }
  const std::string root = kept.root;
  const bool is_new =
      !root.empty() &&
      std::none_of(stores_.begin(), stores_.end(),
                   [&](const auto& store) { return store.root() == root; });
  if (is_new && stores_.size() < kMaxStores) stores_.emplace_back(root);
  auto entry = entry_of(root, key);
  if (!entry) {
    known.note("containerd", entry.error());
  } else if (*entry) {
    add(key, std::move(**entry), known);
  }
}

ContainerdResolver::Kept& ContainerdResolver::kept_of(const Key& key) {
  // Those of containers that are gone are of no use, and which these are is not
  // worth asking.
  if (kept_.size() >= kMaxKept && !kept_.contains(key)) kept_.clear();
  return kept_[key];
}

// Its root is part of where it mounts a container's rootfs from. What the host
// has mounted there is believed, not what the container sees: it could mount
// itself a root whose options name any path.
std::string ContainerdResolver::mounted_root(
    const RuntimeMetadata& known) const {
  const auto mounts = proc_.host_mounts();
  if (!mounts) return "";
  const Mount* rootfs = mount_at(*mounts, known.rootfs);
  if (rootfs == nullptr || rootfs->type != "overlay") return "";
  const auto root =
      containerd_root_of(overlay_unescape(parse_overlay(*rootfs).upper));
  return root.empty() ? "" : prefix_ + root;
}

// In the store at `root`; empty: in the first that has it.
Result<std::optional<ContainerdEntry>> ContainerdResolver::entry_of(
    const std::string& root, const Key& key) const {
  for (const auto& store : stores_) {
    if (!root.empty() && store.root() != root) continue;
    auto entry = store.find(key.first, key.second);
    if (!entry || *entry) return entry;
  }
  return std::nullopt;
}

void ContainerdResolver::add(const Key& key, ContainerdEntry entry,
                             RuntimeMetadata& known) {
  auto& info = known.info;
  Kept& kept = kept_of(key);
  if (kept.made != entry.made || !entry.image_id.empty()) {
    kept.made = entry.made;
    kept.image_id = entry.image_id;
  }
  if (!entry.image.empty()) info.image = entry.image;
  info.image_id = kept.image_id;
  info.sandbox = entry.sandbox;
  // What a pod says of itself comes before what its image does.
  entry.pod_labels.merge(entry.labels);
  entry.pod_labels.merge(info.labels);
  info.labels = std::move(entry.pod_labels);
  if (info.name == info.id) info.name.clear();
  apply_annotations(info.labels, info);
  if (info.name.empty()) info.name = info.id;
  info.workload = workload_of(info, !is_container_id(info.name));
}

std::unique_ptr<RuntimeResolver> make_containerd_resolver(
    const ResolverPlace& place) {
  return std::make_unique<ContainerdResolver>(place.host_prefix);
}

}  // namespace stillframe::containers
