// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/docker_resolver.h"

#include <algorithm>
#include <cstring>
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
constexpr std::size_t kMaxRoots = 64;

bool is_layer_link(const std::string& text) {
  return starts_with(text, "l/") && is_plain_name(text.substr(2));
}

// A step of the classic builder: it takes care of each itself, so there is
// neither a log nor a health check, and its image has no name yet.
bool is_build_step(const nlohmann::json& config, const std::string& directory) {
  if (!starts_with(text_of(config, "Image"), "sha256:")) return false;
  const auto& test = member(member(config, "Healthcheck"), "Test");
  if (!test.is_array() || test.size() != 1 || test[0] != "NONE") return false;
  const auto host = read_json(directory + "/hostconfig.json", kMaxConfig);
  return host && text_of(member(*host, "LogConfig"), "Type") == "none";
}

std::string name_in(const nlohmann::json& config) {
  std::string name = text_of(config, "Name");
  if (starts_with(name, "/")) name.erase(0, 1);
  return name;
}

}  // namespace

DockerResolver::DockerResolver(std::string host_prefix)
    : prefix_(std::move(host_prefix)) {}

Result<std::vector<std::string>> DockerResolver::roots() {
  if (!roots_.empty()) return roots_;
  const auto daemon = read_json(prefix_ + "/etc/docker/daemon.json", 1u << 20);
  if (!daemon && !is_absence(daemon.error().code)) {
    return tl::unexpected<Error>(daemon.error());
  }
  const std::string set = daemon ? text_of(*daemon, "data-root") : "";
  roots_ = {prefix_ + (starts_with(set, "/") ? set : "/var/lib/docker")};
  return roots_;
}

// Another daemon's, or one below it for containers with a user namespace:
// ROOT/overlay2/NAME/merged is mounted as rootfs, ROOT/containers/ID/hostname
// at /etc/hostname.
bool DockerResolver::learn(const RuntimeMetadata& known) {
  const auto roots = this->roots();
  if (known.rootless || !is_container_id(known.info.id) || !roots) return false;
  const std::string own = "/containers/" + known.info.id;
  std::string root;
  if (ends_with(known.hostname, own + "/hostname")) {
    root = known.hostname.substr(
        0, known.hostname.size() - own.size() - std::strlen("/hostname"));
  } else if (ends_with(known.rootfs, "/merged")) {
    root = known.rootfs.substr(0, known.rootfs.rfind("/overlay2/"));
  }
  if (!starts_with(root, "/") || roots->size() >= kMaxRoots) return false;
  root.insert(0, prefix_);
  if (std::find(roots->begin(), roots->end(), root) != roots->end()) {
    return false;
  }
  const auto there = file_stamp(root + own + "/config.v2.json");
  if (!there || there->empty() || !is_roots_own(root)) return false;
  roots_.push_back(std::move(root));
  return true;
}

bool DockerResolver::serves(std::string_view runtime) const {
  return runtime == to_string(Runtime::docker) || runtime.empty();
}

MetadataResult DockerResolver::find(const RuntimeQuery& query) {
  if (query.user.value_or(0) != 0) return std::nullopt;  // root's alone
  if (!is_container_id(query.id)) return std::nullopt;
  const auto roots = this->roots();
  if (!roots) return tl::unexpected<Error>(roots.error());
  for (const auto& root : *roots) {
    auto found = find_in(root, query.id);
    if (!found || *found) return found;
  }
  return std::nullopt;
}

MetadataResult DockerResolver::find_in(const std::string& root,
                                       const std::string& id) {
  const std::string directory = root + "/containers/" + id;
  const std::string path = directory + "/config.v2.json";
  const auto config = read_json(path, kMaxConfig);
  if (!config && is_absence(config.error().code)) return std::nullopt;
  // A torn file is there anyway; of one that could not be opened nothing
  // is known.
  if (!config && config.error().code != EBADMSG) {
    return tl::unexpected<Error>(config.error());
  }
  RuntimeMetadata result;
  auto& info = result.info;
  info.id = id;
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
    result.build = is_build_step(inner, directory);
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
  if (auto found = layers(root, id)) {
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
  const auto roots = this->roots();
  if (!roots) note_error(result.errors, roots.error());
  for (const auto& root : roots.value_or(std::vector<std::string>{})) {
    const auto ids = subdirectories(root + "/containers");
    if (!ids) note_error(result.errors, ids.error());
    for (const auto& id : ids.value_or(std::vector<std::string>{})) {
      if (!is_container_id(id)) continue;
      auto found = find_in(root, id);
      if (!found) {
        note_error(result.errors, found.error());
      } else if (*found) {
        result.items.push_back(std::move(**found));
      }
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
  const auto roots = this->roots();
  for (const auto& root : roots.value_or(std::vector<std::string>{})) {
    const std::string all = root + "/containers";
    const auto ids = subdirectories(all);
    for (const auto& id : ids.value_or(std::vector<std::string>{})) {
      places.push_back(all + "/" + id);
    }
  }
  return places;
}

std::vector<std::string> DockerResolver::layer_roots() {
  auto roots = this->roots().value_or(std::vector<std::string>{});
  for (auto& root : roots) root += "/overlay2";
  return roots;
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
