// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/podman_resolver.h"

#include <algorithm>

#include "agent/base/file.h"
#include "agent/base/text.h"
#include "agent/containers/cgroup_path.h"
#include "agent/containers/workload.h"
#include "agent/model/runtime.h"

namespace stillframe::containers {
namespace {

constexpr std::size_t kMaxStores = 64;

// key = "value", at the start of a line of the [storage] table.
std::string toml_value(std::string_view line, std::string_view key) {
  const auto trim = [&line] {
    const std::size_t begin = line.find_first_not_of(" \t");
    line.remove_prefix(std::min(begin, line.size()));
  };
  trim();
  if (!starts_with(line, key)) return "";
  line.remove_prefix(key.size());
  trim();
  if (!starts_with(line, "=")) return "";
  line.remove_prefix(1);
  trim();
  if (line.empty() || (line[0] != '"' && line[0] != '\'')) return "";
  const std::size_t end = line.find(line[0], 1);
  if (end == std::string_view::npos) return "";
  return std::string(line.substr(1, end - 1));
}

PodmanStore system_store(const std::string& prefix) {
  StorageConf conf;
  for (const char* path :
       {"/usr/share/containers/storage.conf", "/etc/containers/storage.conf"}) {
    // The one in /etc replaces the other as a whole.
    if (const auto text = read_file(prefix + path)) {
      conf = parse_storage_conf(*text);
    }
  }
  if (conf.graph_root.empty()) conf.graph_root = "/var/lib/containers/storage";
  if (conf.run_root.empty()) conf.run_root = "/run/containers/storage";
  return {prefix + conf.graph_root, prefix + conf.run_root};
}

// /etc/passwd's home directory of a user.
std::string home_of(const std::string& prefix, unsigned uid) {
  const auto text = read_file(prefix + "/etc/passwd");
  if (!text) return "";
  for (const auto& line : split(*text, '\n')) {
    const auto fields = split(line, ':');
    if (fields.size() >= 6 && fields[2] == std::to_string(uid)) {
      return starts_with(fields[5], "/") ? fields[5] : "";
    }
  }
  return "";
}

// Names that podman makes up for itself name no workload: each new container
// has another. Whether it did is not recorded as such, but the command line is,
// with --name in it or not. Only for containers made through podman's API,
// which leaves no command line, and where the database cannot be read does the
// look of the name decide; a name that a person gave and that looks generated
// ("web_server") is then taken for generated, since the image's repository is a
// coarser workload but still one, and a name never seen again is none.
bool name_is_given(const std::string& name, const LibpodConfig* config) {
  if (config != nullptr && config->has_command && config->given_name == name) {
    return true;
  }
  return !looks_generated(name);
}

}  // namespace

StorageConf parse_storage_conf(std::string_view text) {
  StorageConf conf;
  std::string table;
  for (const auto& line : split(text, '\n')) {
    if (starts_with(line, "[")) table = line.substr(0, line.find(']'));
    if (table != "[storage") continue;
    if (auto value = toml_value(line, "graphroot"); starts_with(value, "/")) {
      conf.graph_root = value;
    }
    if (auto value = toml_value(line, "runroot"); starts_with(value, "/")) {
      conf.run_root = value;
    }
  }
  return conf;
}

PodmanResolver::PodmanResolver(std::string host_prefix)
    : prefix_(std::move(host_prefix)), system_(system_store(prefix_)) {}

bool PodmanResolver::serves(std::string_view runtime) const {
  return runtime == to_string(Runtime::podman) ||
         runtime == to_string(Runtime::crio) || runtime.empty();
}

PodmanStore* PodmanResolver::store_of_user(unsigned uid) {
  if (const auto it = users_.find(uid); it != users_.end()) return &it->second;
  const std::string home = home_of(prefix_, uid);
  if (home.empty()) return nullptr;
  PodmanStore store(
      prefix_ + home + "/.local/share/containers/storage",
      prefix_ + "/run/user/" + std::to_string(uid) + "/containers");
  return &users_.emplace(uid, std::move(store)).first->second;
}

// A user's store is asked only about what runs in that user's slice: it could
// otherwise claim anybody's container.
PodmanStore* PodmanResolver::store_for(const RuntimeQuery& query) {
  if (const auto uid = user_of_cgroup(query.cgroup_path); uid && *uid != 0) {
    PodmanStore* store = store_of_user(*uid);
    if (store != nullptr && store->update() &&
        store->find(query.id) != nullptr) {
      return store;
    }
  }
  (void)system_.update();  // what was known before still counts
  if (system_.find(query.id) != nullptr) return &system_;
  for (auto& [root, store] : elsewhere_) {
    (void)store.update();
    if (store.find(query.id) != nullptr) return &store;
  }
  if (!query.cgroup_path.empty()) return nullptr;
  for (auto& [uid, store] : users_) {
    (void)store.update();
    if (store.find(query.id) != nullptr) return &store;
  }
  return nullptr;
}

std::optional<RuntimeMetadata> PodmanResolver::find(const RuntimeQuery& query) {
  if (!is_container_id(query.id)) return std::nullopt;
  PodmanStore* store = store_for(query);
  if (store == nullptr) return std::nullopt;
  return metadata(*store, *store->find(query.id));
}

// podman's bundles are GRAPH/DRIVER-containers/ID/userdata.
bool PodmanResolver::learn(const RuntimeMetadata& told) {
  if (told.rootless || !is_container_id(told.info.id)) return false;
  const std::string tail = "-containers/" + told.info.id + "/userdata";
  if (!ends_with(told.bundle, tail)) return false;
  const auto slash = told.bundle.rfind('/', told.bundle.size() - tail.size());
  if (slash == std::string::npos || slash == 0) return false;
  const std::string root = told.bundle.substr(0, slash);
  if (prefix_ + root == system_.graph_root()) return false;
  if (elsewhere_.size() >= kMaxStores) return false;
  // Where its run root is nobody says: containers that are removed as they end
  // are known by their bundle alone.
  elsewhere_.try_emplace(root, prefix_ + root, prefix_ + root);
  return true;
}

std::vector<PodmanStore*> PodmanResolver::stores() {
  std::vector<PodmanStore*> all{&system_};
  for (auto& [uid, store] : users_) all.push_back(&store);
  for (auto& [root, store] : elsewhere_) all.push_back(&store);
  return all;
}

RuntimeMetadata PodmanResolver::metadata(PodmanStore& store,
                                         const StoredContainer& container) {
  RuntimeMetadata result;
  auto& info = result.info;
  info.id = container.id;
  info.name = container.name;
  info.image = container.image;
  info.image_id = container.image_id;
  info.runtime = to_string(Runtime::podman);
  info.created = container.created;
  if (auto layers = store.layers(container)) {
    result.layers = std::move(*layers);
  } else {
    result.trouble.push_back("layers: " + layers.error().message);
  }
  // Written when it is first started: without it there is nothing to add.
  const auto annotations = store.annotations(container.id);
  if (annotations) {
    const auto manager = annotations->find("io.container.manager");
    if (manager != annotations->end() &&
        runtime_from(manager->second) == Runtime::crio) {
      info.runtime = to_string(Runtime::crio);
    }
    apply_annotations(*annotations, info);
  } else if (annotations.error().code != ENOENT) {
    result.trouble.push_back("annotations: " + annotations.error().message);
  }
  const auto config = info.runtime == to_string(Runtime::podman)
                          ? store.libpod_config(container.id)
                          : Result<LibpodConfig>(LibpodConfig{});
  if (config) {
    info.labels = config->labels;
    apply_annotations(info.labels, info);
  } else if (config.error().code != ENOENT) {
    result.trouble.push_back("labels: " + config.error().message);
  }
  info.workload =
      workload_of(info, name_is_given(info.name, config ? &*config : nullptr));
  return result;
}

std::vector<RuntimeMetadata> PodmanResolver::stored() {
  std::vector<RuntimeMetadata> result;
  for (PodmanStore* store : stores()) {
    (void)store->update();
    for (const auto& [id, container] : store->containers()) {
      result.push_back(metadata(*store, container));
    }
  }
  return result;
}

std::vector<std::string> PodmanResolver::layer_roots() {
  std::vector<std::string> roots;
  for (const PodmanStore* store : stores()) {
    roots.push_back(store->overlay_root());
  }
  return roots;
}

std::vector<std::string> PodmanResolver::uppers() {
  (void)system_.update();
  std::vector<std::string> result;
  for (const PodmanStore* store : stores()) {
    const auto more = store->uppers();
    result.insert(result.end(), more.begin(), more.end());
  }
  return result;
}

}  // namespace stillframe::containers
