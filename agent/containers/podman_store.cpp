// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/podman_store.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "agent/base/file.h"
#include "agent/base/text.h"
#include "agent/containers/cgroup_path.h"
#include "agent/containers/directory.h"
#include "agent/containers/json.h"
#include "agent/containers/libpod_database.h"

namespace stillframe::containers {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxLists = 16u << 20;
// Those whose layout we know.
constexpr std::array kDrivers = {"overlay", "vfs", "btrfs"};
constexpr std::size_t kMaxLayers = 512;  // overlayfs itself takes 500

IdMap id_map(const json& list) {
  IdMap map;
  if (!list.is_array()) return map;
  for (const auto& range : list) {
    const auto number = [&](const char* key) {
      return static_cast<std::uint32_t>(number_of(range, key));
    };
    map.ranges.push_back(
        {number("container_id"), number("host_id"), number("size")});
  }
  return map;
}

IdMaps id_maps(const json& entry) {
  return {id_map(member(entry, "uidmap")), id_map(member(entry, "gidmap"))};
}

std::optional<StoredContainer> stored_container(const json& entry) {
  StoredContainer container;
  container.id = text_of(entry, "id");
  container.layer = text_of(entry, "layer");
  // Both become parts of paths.
  if (!is_container_id(container.id)) return std::nullopt;
  if (!is_container_id(container.layer)) container.layer.clear();
  container.image_id = text_of(entry, "image");
  container.owners = id_maps(entry);
  container.created =
      parse_rfc3339(text_of(entry, "created")).value_or(WallTime{});
  const auto& names = member(entry, "names");
  if (names.is_array() && !names.empty()) {
    const auto* name = names[0].get_ptr<const std::string*>();
    if (name != nullptr) container.name = *name;
  }
  // JSON within JSON, written by the storage library's user.
  const json metadata = json::parse(text_of(entry, "metadata"), nullptr, false);
  container.image = text_of(metadata, "image-name");
  if (container.name.empty()) container.name = text_of(metadata, "name");
  return container;
}

// l/ABCDEF: one of containers/storage's short names for a layer's diff.
bool is_layer_link(const std::string& text) {
  return starts_with(text, "l/") && text.size() > 2 && text.size() < 64 &&
         std::all_of(
             text.begin() + 2, text.end(),
             [](char c) {
               return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
             });
}

// The layer that a short name stands for: it is a link to ../ID/diff.
std::string layer_of(const std::string& link) {
  const auto target = read_link(link).value_or("");
  if (!starts_with(target, "../") || !ends_with(target, "/diff")) return "";
  return target.substr(3, target.size() - 8);
}

LibpodConfig libpod_config_of(const json& config) {
  LibpodConfig result;
  result.labels = text_map(member(config, "labels"));
  // containers/podman, libpod/container_config.go: IsInfra.
  result.infra = member(config, "pause") == true;
  const auto& command = member(config, "CreateCommand");
  if (!command.is_array() || command.empty()) return result;
  result.has_command = true;
  const std::string name = text_of(config, "name");
  std::string last;
  for (const auto& item : command) {
    const auto* word = item.get_ptr<const std::string*>();
    if (word == nullptr) continue;
    // The container's own arguments follow; one that names this very container
    // by chance would have to be its generated name.
    if (*word == "--name=" + name || (last == "--name" && *word == name)) {
      result.given_name = name;
    }
    last = *word;
  }
  return result;
}

std::string pod_name_of(const std::string& config) {
  return text_of(json::parse(config, nullptr, false), "name");
}

}  // namespace

PodmanStore::PodmanStore(std::string graph_root, std::string run_root,
                         std::vector<std::string> image_stores)
    : graph_root_(std::move(graph_root)),
      run_root_(std::move(run_root)),
      image_stores_(std::move(image_stores)) {
  for (const std::string driver : kDrivers) {
    const std::string list = "/" + driver + "-containers/";
    // Volatile ones (podman run --rm) moved to the run root in storage 1.38.
    for (const auto& path : {graph_root_ + list + "containers.json",
                             graph_root_ + list + "volatile-containers.json",
                             run_root_ + list + "volatile-containers.json"}) {
      sources_.push_back({path, driver, "", {}});
    }
  }
}

Result<> PodmanStore::reload(Source& source) {
  const auto list = read_json(source.path, kMaxLists);
  if (!list) return tl::unexpected<Error>(list.error());
  if (!list->is_array()) return fail(source.path + " is not a list", EBADMSG);
  source.containers.clear();
  for (const auto& entry : *list) {
    if (auto container = stored_container(entry)) {
      container->driver = source.driver;
      source.containers.push_back(std::move(*container));
    }
  }
  return {};
}

Result<> PodmanStore::update() {
  Result<> result;
  bool changed = false;
  for (auto& source : sources_) {
    const auto stamp = file_stamp(source.path);
    if (!stamp) {
      result = tl::unexpected<Error>(stamp.error());
      continue;
    }
    if (*stamp == source.stamp) continue;
    Result<> loaded;
    if (stamp->empty()) {
      source.containers.clear();
    } else {
      loaded = reload(source);
    }
    if (loaded) {
      source.stamp = *stamp;
      changed = true;
    } else {
      result = loaded;  // and is tried again next time
    }
  }
  if (!changed) return result;
  databases_.clear();  // only of containers that are listed they were taken in
  containers_.clear();
  for (const auto& source : sources_) {
    for (const auto& container : source.containers) {
      containers_.emplace(container.id, container);
    }
  }
  std::erase_if(configs_,
                [&](const auto& item) { return find(item.first) == nullptr; });
  return result;
}

const StoredContainer* PodmanStore::find(const std::string& id) const {
  const auto it = containers_.find(id);
  return it == containers_.end() ? nullptr : &it->second;
}

const std::map<std::string, StoredContainer>& PodmanStore::containers() const {
  return containers_;
}

Result<OverlayLayers> PodmanStore::layers(
    const StoredContainer& container) const {
  if (container.layer.empty()) return fail("its layer is not named");
  return container.driver == "overlay" ? overlay_layers(container)
                                       : copied_layers(container);
}

// Where these drivers keep a layer, with all that it holds.
std::string PodmanStore::copy_of(const std::string& driver,
                                 const std::string& layer) const {
  return graph_root_ + (driver == "vfs" ? "/vfs/dir/" : "/btrfs/subvolumes/") +
         layer;
}

Result<OverlayLayers> PodmanStore::copied_layers(
    const StoredContainer& container) const {
  OverlayLayers layers;
  layers.plain = true;
  layers.upper = copy_of(container.driver, container.layer);
  if (const auto there = require_directory(layers.upper); !there) {
    return tl::unexpected<Error>(there.error());
  }
  const auto own = layer(container.driver, container.layer);
  if (!own) return tl::unexpected<Error>(own.error());
  if (!*own || (*own)->parent.empty()) return layers;
  const std::string& image = (*own)->parent;
  layers.lower.push_back(copy_of(container.driver, image));
  if (const auto there = require_directory(layers.lower[0]); !there) {
    return tl::unexpected<Error>(there.error());
  }
  auto owners = shown_owners(container, image);
  if (!owners) return tl::unexpected<Error>(owners.error());
  layers.owners = *std::move(owners);
  return layers;
}

Result<std::optional<PodmanStore::Layer>> PodmanStore::layer(
    const std::string& driver, const std::string& id) const {
  const std::string place = graph_root_ + "/" + driver + "-layers/";
  // Those of containers that go as they end are listed apart.
  for (const char* name : {"layers.json", "volatile-layers.json"}) {
    const auto list = read_json(place + name, kMaxLists);
    if (!list && is_absence(list.error().code)) continue;
    if (!list) return tl::unexpected<Error>(list.error());
    if (!list->is_array()) return fail(place + name + " is no list", EBADMSG);
    for (const auto& entry : *list) {
      if (text_of(entry, "id") != id) continue;
      Layer found{text_of(entry, "parent"), id_maps(entry)};
      if (!is_container_id(found.parent)) found.parent.clear();
      return found;
    }
  }
  return std::nullopt;
}

// Of a container with a user namespace the image's files are shown with other
// owners by idmapped mounts of its layers; where that cannot be had, the image
// has one layer more, in which all files were given to those owners.
Result<IdMaps> PodmanStore::shown_owners(const StoredContainer& container,
                                         const std::string& image) const {
  if (container.owners.empty()) return IdMaps{};
  const auto top = layer(container.driver, image);
  if (!top) return tl::unexpected<Error>(top.error());
  const bool given = *top && (*top)->owners == container.owners;
  return given ? IdMaps{} : container.owners;
}

std::vector<std::string> PodmanStore::overlay_roots() const {
  std::vector<std::string> roots{overlay_root()};
  for (const auto& store : image_stores_) roots.push_back(store + "/overlay");
  return roots;
}

// A store may also be named on the command line alone: then the mount shows
// where its layers are.
Result<std::string> PodmanStore::lower_layer(const std::string& link) const {
  for (const auto& root : overlay_roots()) {
    std::string path = root + "/" + link;
    const auto there = is_directory(path);
    if (!there) return tl::unexpected<Error>(there.error());
    if (*there) return path;
  }
  return fail("layer " + link + " is in no image store that is known", ENOENT);
}

Result<OverlayLayers> PodmanStore::overlay_layers(
    const StoredContainer& container) const {
  const std::string dir = overlay_root() + "/" + container.layer;
  OverlayLayers layers;
  layers.upper = dir + "/diff";
  if (const auto there = require_directory(layers.upper); !there) {
    return tl::unexpected<Error>(there.error());
  }
  const auto lower = read_file(dir + "/lower", 65536);
  if (!lower && lower.error().code != ENOENT) return fail(lower, "layers");
  for (const auto& link : split(lower.value_or(""), ':')) {
    if (link.empty()) continue;
    if (!is_layer_link(link) || layers.lower.size() >= kMaxLayers) {
      return fail(dir + "/lower is not a list of layers", EBADMSG);
    }
    auto lower = lower_layer(link);
    if (!lower) return tl::unexpected<Error>(lower.error());
    layers.lower.push_back(*std::move(lower));
  }
  if (layers.lower.empty()) return layers;
  auto owners = shown_owners(container, layer_of(layers.lower[0]));
  if (!owners) return tl::unexpected<Error>(owners.error());
  layers.owners = *std::move(owners);
  return layers;
}

Result<OciConfig> PodmanStore::oci_config(const std::string& id) const {
  const StoredContainer* container = find(id);
  const std::string tail =
      "/" + (container ? container->driver : std::string(kDrivers[0])) +
      "-containers/" + id + "/userdata/config.json";
  auto config = read_oci_config(graph_root_ + tail);
  if (!config && is_absence(config.error().code)) {
    config = read_oci_config(run_root_ + tail);
  }
  return config;
}

// Whether there is such a database; takes in what it says of all containers,
// unless it is as it was.
Result<bool> PodmanStore::read_sqlite(const std::string& path) {
  auto stamp = file_stamp(path);
  if (!stamp) return tl::unexpected<Error>(stamp.error());
  if (stamp->empty()) return false;
  const auto log = file_stamp(path + "-wal");
  if (!log) return tl::unexpected<Error>(log.error());
  const std::string now = *stamp + "|" + *log;
  if (databases_[path] == now) return true;
  const auto configs = sqlite_configs(path, LibpodKind::container);
  if (!configs) return tl::unexpected<Error>(configs.error());
  std::map<std::string, std::string> pods;  // of containers
  for (const auto& [id, text] : *configs) {
    const json config = json::parse(text, nullptr, false);
    if (find(id) == nullptr || text_of(config, "id") != id) continue;
    const auto [known, fresh] = configs_.emplace(id, libpod_config_of(config));
    const std::string pod = text_of(config, "pod");
    if (fresh && !pod.empty()) pods.emplace(id, pod);
  }
  if (!pods.empty()) {
    const auto named = sqlite_configs(path, LibpodKind::pod);
    if (!named) return tl::unexpected<Error>(named.error());
    for (const auto& [id, pod] : pods) {
      const auto config = named->find(pod);
      if (config == named->end()) continue;
      configs_[id].pod = pod_name_of(config->second);
    }
  }
  databases_[path] = now;
  return true;
}

Result<std::string> PodmanStore::bolt_pod(const std::string& path,
                                          const std::string& id) {
  if (!is_container_id(id)) return std::string();
  const auto text = bolt_config(path, LibpodKind::pod, id);
  if (text) return pod_name_of(*text);
  if (is_absence(text.error().code)) return std::string();
  return tl::unexpected<Error>(text.error());
}

Result<LibpodConfig> PodmanStore::libpod_config(const std::string& id) {
  const auto known = configs_.find(id);
  if (known != configs_.end()) return known->second;
  bool any = false;
  // podman --transient-store keeps it with what a reboot ends.
  for (const auto& root : {graph_root_, run_root_}) {
    const auto there = read_sqlite(root + "/db.sql");
    if (!there) return tl::unexpected<Error>(there.error());
    any = any || *there;
  }
  const auto found = configs_.find(id);
  if (found != configs_.end()) return found->second;
  const std::string bolt = graph_root_ + "/libpod/bolt_state.db";
  const auto bolt_stamp = file_stamp(bolt);
  if (!any && bolt_stamp && bolt_stamp->empty()) {
    return fail(
        "libpod has no database here, neither db.sql nor "
        "libpod/bolt_state.db: " +
        graph_root_);
  }
  const auto text = bolt_config(bolt, LibpodKind::container, id);
  if (!text) return tl::unexpected<Error>(text.error());
  const json config = json::parse(*text, nullptr, false);
  if (text_of(config, "id") != id) {
    return fail("libpod's database is being written", EBADMSG);
  }
  auto pod = bolt_pod(bolt, text_of(config, "pod"));
  if (!pod) return tl::unexpected<Error>(pod.error());
  LibpodConfig& taken_in = configs_[id] = libpod_config_of(config);
  taken_in.pod = *std::move(pod);
  return taken_in;
}

std::vector<std::string> PodmanStore::list_directories() const {
  std::vector<std::string> result;
  for (const auto& source : sources_) {
    result.push_back(source.path.substr(0, source.path.rfind('/')));
  }
  return result;
}

std::vector<std::string> PodmanStore::uppers() const {
  std::vector<std::string> result;
  for (const auto& [id, container] : containers_) {
    if (container.layer.empty()) continue;
    result.push_back(container.driver == "overlay"
                         ? overlay_root() + "/" + container.layer + "/diff"
                         : copy_of(container.driver, container.layer));
  }
  return result;
}

}  // namespace stillframe::containers
