// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/runtime_files.h"

#include <algorithm>

#include "agent/model/inode_identity.h"
#include "agent/model/runtime.h"

namespace stillframe::containers {

RuntimeFiles::RuntimeFiles(const ResolverPlace& place)
    : prefix_(place.host_prefix), resolvers_(make_resolvers(place)) {}

MetadataResult RuntimeFiles::find(const CgroupName& name,
                                  std::optional<unsigned> user) const {
  // A container within a container has its runtime's files in there: what the
  // host has under the same id is another's.
  if (!name.outer.empty()) return std::nullopt;
  const bool unknown = runtime_from(name.runtime) == Runtime::unknown;
  const std::string runtime = unknown ? "" : name.runtime;
  const RuntimeQuery query{name.id, name.path, name.space, user};
  std::optional<Error> unread;
  for (const auto& resolver : resolvers_) {
    if (!resolver->serves(runtime)) continue;
    auto found = resolver->find(query);
    if (!found && !unread) unread = found.error();
    if (!found || !*found) continue;
    RuntimeMetadata& known = **found;
    if (unread) known.note("other metadata", *unread);
    for (const auto& other : resolvers_) {
      if (other == resolver || !other->learn(known)) continue;
      auto better = other->find(query);
      if (!better) known.note("other metadata", better.error());
      if (!better || !*better) continue;
      (*better)->rootfs = known.rootfs;
      (*better)->bundle = known.bundle;
      (*better)->asked.all_mounts = known.asked.all_mounts;
      return better;
    }
    for (const auto& other : resolvers_) {
      if (other != resolver) other->complete(known);
    }
    return found;
  }
  if (unread) return tl::unexpected<Error>(std::move(*unread));
  return std::nullopt;
}

bool RuntimeFiles::learn(const RuntimeMetadata& known) const {
  return std::any_of(
      resolvers_.begin(), resolvers_.end(),
      [&](const auto& resolver) { return resolver->learn(known); });
}

void RuntimeFiles::learn_states(const std::string& directory) const {
  for (const auto& resolver : resolvers_) resolver->learn_states(directory);
}

// What a low-level runtime has is little: whoever runs it may have more.
std::optional<RuntimeMetadata> RuntimeFiles::of_init(
    const Process& init, const std::set<unsigned>& users) const {
  for (const auto& resolver : resolvers_) {
    auto known = resolver->of_init(init.pid, init.start_ticks, users);
    if (!known) continue;
    for (const auto& other : resolvers_) {
      if (!known->user || other == resolver) continue;
      other->learn(*known);
      auto better = other->find({known->info.id, "", "", known->user});
      if (!better || !*better) continue;
      (*better)->rootfs = known->rootfs;
      (*better)->user = known->user;
      return *std::move(better);
    }
    return known;
  }
  return std::nullopt;
}

KnownCgroups RuntimeFiles::cgroups() const {
  KnownCgroups known;
  for (const auto& resolver : resolvers_) {
    auto more = resolver->cgroups();
    known.ids.merge(more.ids);
    known.inits.merge(more.inits);
    note_errors(known.errors, more.errors);
  }
  return known;
}

KnownCgroups RuntimeFiles::cgroups_for(const std::string& path) const {
  for (const auto& resolver : resolvers_) {
    if (const auto id = resolver->owner_of(path)) return {{{path, *id}}, {}};
  }
  return cgroups();
}

bool RuntimeFiles::mentions(const std::string& path) const {
  return std::any_of(
      resolvers_.begin(), resolvers_.end(),
      [&](const auto& resolver) { return resolver->owner_of(path); });
}

Listing<RuntimeMetadata> RuntimeFiles::stored() const {
  Listing<RuntimeMetadata> all;
  for (const auto& resolver : resolvers_) {
    auto more = resolver->stored();
    for (auto& kept : more.items) all.items.push_back(std::move(kept));
    note_errors(all.errors, more.errors);
  }
  return all;
}

std::map<std::string, std::string> RuntimeFiles::names() const {
  std::map<std::string, std::string> names;
  for (const auto& resolver : resolvers_) names.merge(resolver->names());
  return names;
}

std::vector<std::string> RuntimeFiles::name_places() const {
  std::vector<std::string> places;
  for (const auto& resolver : resolvers_) {
    const auto more = resolver->name_places();
    places.insert(places.end(), more.begin(), more.end());
  }
  return places;
}

std::vector<std::string> RuntimeFiles::layer_roots() const {
  std::vector<std::string> roots;
  for (const auto& resolver : resolvers_) {
    const auto more = resolver->layer_roots();
    roots.insert(roots.end(), more.begin(), more.end());
  }
  for (const auto& runtime : kRuntimes) {
    for (const auto root : runtime.layer_roots) {
      roots.push_back(prefix_ + std::string(root));
    }
  }
  return roots;
}

Result<std::optional<OverlayLayers>> RuntimeFiles::layers_of(
    const UpperRoot& upper) const {
  std::optional<Error> unread;
  for (const auto& resolver : resolvers_) {
    const auto uppers = resolver->uppers();
    if (!uppers.complete() && !unread) unread = uppers.errors.front();
    for (const auto& path : uppers.items) {
      const auto identity = upper_root_of(path);
      if (!identity && !is_absence(identity.error().code) && !unread) {
        unread = identity.error();
      }
      if (!identity || !same_root(*identity, upper)) continue;
      const auto stored = resolver->stored();
      for (const auto& kept : stored.items) {
        if (kept.layers.upper == path) return kept.layers;
      }
      if (!stored.complete() && !unread) unread = stored.errors.front();
    }
  }
  if (unread) return tl::unexpected<Error>(std::move(*unread));
  return std::nullopt;
}

}  // namespace stillframe::containers
