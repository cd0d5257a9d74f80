// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/docker_resolver.h"

#include <algorithm>

#include "agent/base/file.h"
#include "agent/base/text.h"
#include "agent/containers/cgroup_path.h"
#include "agent/containers/directory.h"
#include "agent/containers/json.h"
#include "agent/containers/workload.h"
#include "agent/model/runtime.h"

namespace stillframe::containers {
namespace {

constexpr std::size_t kMaxConfig = 2u << 20;
constexpr std::size_t kMaxLayers = 512;

std::string data_root(const std::string& prefix) {
  const auto daemon = read_json(prefix + "/etc/docker/daemon.json", 1u << 20);
  const std::string set = daemon ? text_of(*daemon, "data-root") : "";
  return prefix + (starts_with(set, "/") ? set : "/var/lib/docker");
}

bool is_layer_link(const std::string& text) {
  return starts_with(text, "l/") && is_plain_name(text.substr(2));
}

}  // namespace

DockerResolver::DockerResolver(std::string host_prefix)
    : root_(data_root(host_prefix)) {}

bool DockerResolver::serves(std::string_view runtime) const {
  return runtime == to_string(Runtime::docker) || runtime.empty();
}

std::optional<RuntimeMetadata> DockerResolver::find(const RuntimeQuery& query) {
  if (!is_container_id(query.id)) return std::nullopt;
  const std::string path =
      root_ + "/containers/" + query.id + "/config.v2.json";
  const auto config = read_json(path, kMaxConfig);
  if (!config && config.error().code == ENOENT) return std::nullopt;
  RuntimeMetadata result;
  auto& info = result.info;
  info.id = query.id;
  info.runtime = to_string(Runtime::docker);
  if (config) {
    const auto& inner = member(*config, "Config");
    info.name = text_of(*config, "Name");
    if (starts_with(info.name, "/")) info.name.erase(0, 1);
    info.image = text_of(inner, "Image");
    info.image_id = text_of(*config, "Image");
    if (starts_with(info.image_id, "sha256:")) info.image_id.erase(0, 7);
    info.labels = text_map(member(inner, "Labels"));
    info.created =
        parse_rfc3339(text_of(*config, "Created")).value_or(WallTime{});
    apply_annotations(info.labels, info);
  } else {
    result.trouble.push_back(config.error().message);
  }
  // dockerd does not record whether it made the name up.
  info.workload = workload_of(info, !looks_generated(info.name));
  if (auto found = layers(query.id)) {
    result.layers = std::move(*found);
  } else {
    result.trouble.push_back("layers: " + found.error().message);
  }
  return result;
}

Result<OverlayLayers> DockerResolver::layers(const std::string& id) const {
  const auto mount_id = read_file(
      root_ + "/image/overlay2/layerdb/mounts/" + id + "/mount-id", 256);
  if (!mount_id) return tl::unexpected<Error>(mount_id.error());
  if (!is_plain_name(*mount_id)) return fail("not a mount id", EBADMSG);
  const std::string overlay = root_ + "/overlay2/";
  OverlayLayers layers;
  layers.upper = overlay + *mount_id + "/diff";
  if (!is_directory(layers.upper)) return fail(layers.upper, ENOENT);
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

std::vector<RuntimeMetadata> DockerResolver::stored() {
  std::vector<RuntimeMetadata> result;
  for (const auto& id : subdirectories(root_ + "/containers")) {
    if (auto found = find({id, ""})) result.push_back(std::move(*found));
  }
  return result;
}

std::vector<std::string> DockerResolver::layer_roots() {
  return {root_ + "/overlay2"};
}

std::vector<std::string> DockerResolver::uppers() {
  std::vector<std::string> result;
  for (const auto& name : subdirectories(root_ + "/overlay2")) {
    if (name != "l") result.push_back(root_ + "/overlay2/" + name + "/diff");
  }
  return result;
}

}  // namespace stillframe::containers
