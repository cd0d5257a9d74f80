// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/docker_resolver.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/base/file.h"
#include "agent/base/text.h"
#include "agent/containers/cgroup_path.h"
#include "agent/containers/directory.h"
#include "agent/containers/json.h"
#include "agent/containers/oci_config.h"
#include "agent/containers/resolvers.h"
#include "agent/containers/workload.h"
#include "agent/model/runtime.h"

namespace stillframe::containers {
namespace {

constexpr std::size_t kMaxConfig = 2u << 20;
constexpr std::size_t kMaxLayers = 512;

bool is_layer_link(const std::string& text) {
  return starts_with(text, "l/") && is_plain_name(text.substr(2));
}

std::string name_in(const nlohmann::json& config) {
  std::string name = text_of(config, "Name");
  if (starts_with(name, "/")) name.erase(0, 1);
  return name;
}

}  // namespace

DockerResolver::DockerResolver(std::string host_prefix)
    : prefix_(std::move(host_prefix)) {}

Result<std::string> DockerResolver::root() {
  if (!root_.empty()) return root_;
  const auto daemon = read_json(prefix_ + "/etc/docker/daemon.json", 1u << 20);
  if (!daemon && !is_absence(daemon.error().code)) {
    return tl::unexpected<Error>(daemon.error());
  }
  const std::string set = daemon ? text_of(*daemon, "data-root") : "";
  root_ = prefix_ + (starts_with(set, "/") ? set : "/var/lib/docker");
  return root_;
}

bool DockerResolver::serves(std::string_view runtime) const {
  return runtime == to_string(Runtime::docker) || runtime.empty();
}

MetadataResult DockerResolver::find(const RuntimeQuery& query) {
  if (!is_container_id(query.id)) return std::nullopt;
  const auto root = this->root();
  if (!root) return tl::unexpected<Error>(root.error());
  const std::string path =
      *root + "/containers/" + query.id + "/config.v2.json";
  const auto config = read_json(path, kMaxConfig);
  if (!config && is_absence(config.error().code)) return std::nullopt;
  // A torn file is there anyway; of one that could not be opened nothing
  // is known.
  if (!config && config.error().code != EBADMSG) {
    return tl::unexpected<Error>(config.error());
  }
  RuntimeMetadata result;
  auto& info = result.info;
  info.id = query.id;
  info.runtime = to_string(Runtime::docker);
  if (config) {
    const auto& inner = member(*config, "Config");
    info.name = name_in(*config);
    info.image = text_of(inner, "Image");
    info.image_id = text_of(*config, "Image");
    if (starts_with(info.image_id, "sha256:")) info.image_id.erase(0, 7);
    info.labels = text_map(member(inner, "Labels"));
    info.created =
        parse_rfc3339(text_of(*config, "Created")).value_or(WallTime{});
    apply_annotations(info.labels, info);
    result.asked.work_dir = absolute_path(text_of(inner, "WorkingDir"));
    const auto& mounts = member(*config, "MountPoints");
    if (mounts.is_object()) {
      for (const auto& [target, mount] : mounts.items()) {
        auto path = absolute_path(target);
        if (!path.empty()) result.asked.mounts.push_back(std::move(path));
      }
    }
  } else {
    result.note("config", config.error());
  }
  // dockerd does not record whether it made the name up.
  info.workload = workload_of(info, !looks_generated(info.name));
  if (auto found = layers(*root, query.id)) {
    result.layers = std::move(*found);
  } else {
    result.note("layers", found.error());
  }
  return result;
}

Result<OverlayLayers> DockerResolver::layers(const std::string& root,
                                             const std::string& id) {
  const auto mount_id = read_file(
      root + "/image/overlay2/layerdb/mounts/" + id + "/mount-id", 256);
  if (!mount_id) return tl::unexpected<Error>(mount_id.error());
  if (!is_plain_name(*mount_id)) return fail("not a mount id", EBADMSG);
  const std::string overlay = root + "/overlay2/";
  OverlayLayers layers;
  layers.upper = overlay + *mount_id + "/diff";
  if (const auto there = require_directory(layers.upper); !there) {
    return tl::unexpected<Error>(there.error());
  }
  const auto lower = read_file(overlay + *mount_id + "/lower", 65536);
  if (!lower) return tl::unexpected<Error>(lower.error());
  for (const auto& link : split(*lower, ':')) {
    if (!is_layer_link(link) || layers.lower.size() >= kMaxLayers) {
      return fail("not a list of layers", EBADMSG);
    }
    layers.lower.push_back(overlay + link);
  }
  return layers;
}

Listing<RuntimeMetadata> DockerResolver::stored() {
  Listing<RuntimeMetadata> result;
  const auto root = this->root();
  const auto ids = root
                       ? subdirectories(*root + "/containers")
                       : Result<std::vector<std::string>>(fail(root, "docker"));
  if (!ids) note_error(result.errors, ids.error());
  if (!ids) return result;
  for (const auto& id : *ids) {
    auto found = find({id, ""});
    if (!found) {
      note_error(result.errors, found.error());
    } else if (*found) {
      result.items.push_back(std::move(**found));
    }
  }
  return result;
}

// One file for each container: only those that were rewritten are read.
std::map<std::string, std::string> DockerResolver::names() {
  std::map<std::string, Named> known;
  std::map<std::string, std::string> names;
  for (const auto& directory : name_places()) {
    const std::string id = directory.substr(directory.rfind('/') + 1);
    const std::string path = directory + "/config.v2.json";
    const auto stamp = file_stamp(path);
    if (!is_container_id(id) || !stamp || stamp->empty()) continue;
    Named& named = known[id] = names_[id];
    if (named.stamp != *stamp) {
      const auto config = read_json(path, kMaxConfig);
      if (config) named = {*stamp, name_in(*config)};
    }
    if (!named.stamp.empty()) names.emplace(id, named.name);
  }
  names_ = std::move(known);
  return names;
}

std::vector<std::string> DockerResolver::name_places() {
  std::vector<std::string> places;
  const auto root = this->root();
  if (!root) return places;
  const std::string all = *root + "/containers";
  const auto ids = subdirectories(all);
  for (const auto& id : ids.value_or(std::vector<std::string>{})) {
    places.push_back(all + "/" + id);
  }
  return places;
}

std::vector<std::string> DockerResolver::layer_roots() {
  const auto root = this->root();
  if (!root) return {};
  return {*root + "/overlay2"};
}

Listing<std::string> DockerResolver::uppers() {
  Listing<std::string> result;
  for (const auto& overlay : layer_roots()) {
    const auto names = subdirectories(overlay);
    if (!names) note_error(result.errors, names.error());
    for (const auto& name : names.value_or(std::vector<std::string>{})) {
      if (name != "l") result.items.push_back(overlay + "/" + name + "/diff");
    }
  }
  return result;
}

std::unique_ptr<RuntimeResolver> make_docker_resolver(
    const ResolverPlace& place) {
  return std::make_unique<DockerResolver>(place.host_prefix);
}

}  // namespace stillframe::containers
