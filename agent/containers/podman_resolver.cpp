// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/podman_resolver.h"

#include <algorithm>
#include <climits>
#include <nlohmann/json.hpp>

#include "agent/base/file.h"
#include "agent/base/text.h"
#include "agent/containers/cgroup_path.h"
#include "agent/containers/directory.h"
#include "agent/containers/json.h"
#include "agent/containers/resolvers.h"
#include "agent/containers/storage_conf.h"
#include "agent/containers/workload.h"
#include "agent/model/runtime.h"

namespace stillframe::containers {
namespace {

constexpr std::size_t kMaxStores = 64;
constexpr std::ptrdiff_t kMaxStoresOfUser = 4;

// /etc/passwd's home directory of a user; empty: none.
Result<std::string> home_of(const std::string& prefix, unsigned uid) {
  auto text = read_file(prefix + "/etc/passwd");
  if (!text) {
    if (is_absence(text.error().code)) return std::string();
    return text;
  }
  for (const auto& line : split(*text, '\n')) {
    const auto fields = split(line, ':');
    if (fields.size() >= 6 && fields[2] == std::to_string(uid)) {
      return starts_with(fields[5], "/") ? fields[5] : "";
    }
  }
  return std::string();
}

std::map<std::string, std::string> crio_labels(
    const std::map<std::string, std::string>& annotations) {
  const auto text = annotations.find("io.kubernetes.cri-o.Labels");
  if (text == annotations.end()) return {};
  return text_map(nlohmann::json::parse(text->second, nullptr, false));
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

PodmanResolver::PodmanResolver(std::string host_prefix)
    : prefix_(std::move(host_prefix)) {}

bool PodmanResolver::serves(std::string_view runtime) const {
  return runtime == to_string(Runtime::podman) ||
         runtime == to_string(Runtime::crio) || runtime.empty();
}

PodmanStore PodmanResolver::store_at(const std::string& graph_root,
                                     const std::string& run_root) const {
  return {prefix_ + graph_root, prefix_ + run_root, image_stores_};
}

Result<PodmanStore*> PodmanResolver::system_store() {
  if (!system_) {
    const auto conf = read_storage_conf(prefix_);
    if (!conf) return tl::unexpected<Error>(conf.error());
    image_stores_ = conf->image_stores;
    for (auto& store : image_stores_) store.insert(0, prefix_);
    system_ = store_at(conf->graph_root, conf->run_root);
  }
  return &*system_;
}

Result<PodmanStore*> PodmanResolver::store_of_user(unsigned uid) {
  if (const auto it = users_.find(uid); it != users_.end()) return &it->second;
  const auto home = home_of(prefix_, uid);
  if (!home) return tl::unexpected<Error>(home.error());
  if (home->empty()) return nullptr;
  auto store = store_at(*home + "/.local/share/containers/storage",
                        "/run/user/" + std::to_string(uid) + "/containers");
  return &users_.emplace(uid, std::move(store)).first->second;
}

// A user's store is asked only about what runs in that user's slice: it could
// otherwise claim anybody's container.
Result<PodmanStore*> PodmanResolver::store_for(const RuntimeQuery& query) {
  std::optional<Error> unread;
  const auto has = [&](PodmanStore& store, bool trusted = true) {
    // What was known before still counts.
    const auto updated = store.update();
    if (store.find(query.id) != nullptr) return true;
    if (!updated && trusted && !unread) unread = updated.error();
    return false;
  };
  auto system = system_store();
  const auto by_cgroup = user_of_cgroup(query.cgroup_path);
  if (const auto uid = by_cgroup ? by_cgroup : query.user; uid && *uid != 0) {
    const auto store = store_of_user(*uid);
    if (!store) unread = store.error();
    if (store && *store != nullptr && has(**store)) return *store;
    for (auto& [owner_and_root, other] : users_elsewhere_) {
      if (owner_and_root.first == *uid && has(other)) return &other;
    }
    // Nobody else's has it, whatever its id.
    if (!by_cgroup && unread) return tl::unexpected<Error>(*std::move(unread));
    if (!by_cgroup) return nullptr;
  }
  if (!system) return system;
  if (has(**system)) return *system;
  for (auto& [root, store] : elsewhere_) {
    if (has(store)) return &store;
  }
  if (query.cgroup_path.empty()) {
    // A stopped container was in the store when it was last read: a user who
    // breaks a store cannot keep others' containers from being forgotten.
    for (auto& [uid, store] : users_) {
      if (has(store, false)) return &store;
    }
    for (auto& [owner, store] : users_elsewhere_) {
      if (has(store, false)) return &store;
    }
  }
  if (unread) return tl::unexpected<Error>(std::move(*unread));
  return nullptr;
}

MetadataResult PodmanResolver::find(const RuntimeQuery& query) {
  if (!is_container_id(query.id)) return std::nullopt;
  const auto store = store_for(query);
  if (!store) return tl::unexpected<Error>(store.error());
  if (*store == nullptr) return std::nullopt;
  return metadata(**store, *(*store)->find(query.id));
}

// podman's bundles are GRAPH/DRIVER-containers/ID/userdata.
bool PodmanResolver::learn(const RuntimeMetadata& known) {
  if (!is_container_id(known.info.id) || (known.rootless && !known.user)) {
    return false;
  }
  const std::string tail = "-containers/" + known.info.id + "/userdata";
  if (!ends_with(known.bundle, tail)) return false;
  const auto slash = known.bundle.rfind('/', known.bundle.size() - tail.size());
  if (slash == std::string::npos || slash == 0) return false;
  const std::string root = known.bundle.substr(0, slash);
  if (known.user) return learn_of_user(*known.user, root);
  if (system_ && prefix_ + root == system_->graph_root()) return false;
  if (elsewhere_.size() >= kMaxStores) return false;
  // Where its run root is nobody says: containers that are removed as they end
  // are known by their bundle alone.
  elsewhere_.try_emplace(root, store_at(root, root));
  return true;
}

// The path is that user's word: it may name another's store.
bool PodmanResolver::learn_of_user(unsigned uid, const std::string& root) {
  if (root.size() >= PATH_MAX || users_elsewhere_.contains({uid, root}) ||
      !is_users_own(prefix_ + root, uid)) {
    return false;
  }
  const auto is_theirs = [&](const auto& item) {
    return item.first.first == uid;
  };
  const auto is_full = [&] {
    return std::count_if(users_elsewhere_.begin(), users_elsewhere_.end(),
                         is_theirs) >= kMaxStoresOfUser;
  };
  if (is_full()) {
    std::erase_if(users_elsewhere_, [&](const auto& item) {
      return is_theirs(item) && !is_users_own(prefix_ + item.first.second, uid);
    });
  }
  if (is_full()) return false;
  users_elsewhere_.try_emplace({uid, root}, store_at(root, root));
  return true;
}

Listing<PodmanStore*> PodmanResolver::updated_stores() {
  Listing<PodmanStore*> all;
  const auto add = [&](PodmanStore& store) {
    all.items.push_back(&store);
    return store.update();
  };
  const auto note = [&](const auto& result) {
    if (!result) note_error(all.errors, result.error());
  };
  auto system = system_store();
  note(system);
  if (system) note(add(**system));
  for (auto& [root, store] : elsewhere_) note(add(store));
  for (auto& [uid, store] : users_) (void)add(store);
  for (auto& [owner, store] : users_elsewhere_) (void)add(store);
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
  info.store = store.graph_root();
  if (auto layers = store.layers(container)) {
    result.layers = std::move(*layers);
  } else {
    result.note("layers", layers.error());
  }
  // Written when it is first started: without it there is nothing to add.
  const auto oci = store.oci_config(container.id);
  if (oci) {
    const auto manager = oci->annotations.find("io.container.manager");
    if (manager != oci->annotations.end() &&
        runtime_from(manager->second) == Runtime::crio) {
      info.runtime = to_string(Runtime::crio);
    }
    apply_annotations(oci->annotations, info);
    if (info.runtime == to_string(Runtime::crio)) {
      add_pod(store, oci->annotations, result);
    }
    result.asked = oci->asked;
  } else if (!is_absence(oci.error().code)) {
    result.note("annotations", oci.error());
  }
  const auto config = info.runtime == to_string(Runtime::podman)
                          ? store.libpod_config(container.id)
                          : Result<LibpodConfig>(LibpodConfig{});
  if (config) {
    if (!config->labels.empty()) info.labels = config->labels;
    apply_annotations(info.labels, info);
    info.sandbox = info.sandbox || config->infra;
  } else if (!is_absence(config.error().code)) {
    result.note("labels", config.error());
  }
  info.workload =
      workload_of(info, name_is_given(info.name, config ? &*config : nullptr));
  // Its members are workloads of their own names, unlike those of a pod of
  // Kubernetes' that a controller names.
  if (info.pod.empty() && config) info.pod = config->pod;
  return result;
}

// CRI-O keeps labels in an annotation; those of a pod are its sandbox' ones.
void PodmanResolver::add_pod(const PodmanStore& store,
                             const std::map<std::string, std::string>& own,
                             RuntimeMetadata& result) {
  auto& info = result.info;
  info.sandbox = marks_sandbox(own);
  info.labels.merge(crio_labels(own));
  const auto pod = own.find("io.kubernetes.cri-o.SandboxID");
  if (info.sandbox || pod == own.end() || !is_container_id(pod->second)) return;
  const auto sandbox = store.oci_config(pod->second);
  if (sandbox) {
    auto labels = crio_labels(sandbox->annotations);
    labels["io.kubernetes.container.name"] = info.pod_container;
    labels.merge(info.labels);
    info.labels = std::move(labels);
  } else if (!is_absence(sandbox.error().code)) {
    result.note("pod", sandbox.error());
  }
}

Listing<RuntimeMetadata> PodmanResolver::stored() {
  Listing<RuntimeMetadata> result;
  auto all = updated_stores();
  result.errors = std::move(all.errors);
  for (PodmanStore* store : all.items) {
    for (const auto& [id, container] : store->containers()) {
      result.items.push_back(metadata(*store, container));
    }
  }
  return result;
}

// A user's list names nobody whom root's has: that one comes first.
std::map<std::string, std::string> PodmanResolver::names() {
  std::map<std::string, std::string> names;
  for (const PodmanStore* store : updated_stores().items) {
    for (const auto& [id, container] : store->containers()) {
      names.emplace(id, container.name);
    }
  }
  return names;
}

std::vector<std::string> PodmanResolver::name_places() {
  std::vector<std::string> places;
  const auto add = [&](const PodmanStore& store) {
    const auto more = store.list_directories();
    places.insert(places.end(), more.begin(), more.end());
  };
  if (const auto system = system_store()) add(**system);
  for (const auto& [root, store] : elsewhere_) add(store);
  return places;
}

std::vector<std::string> PodmanResolver::layer_roots() {
  std::vector<std::string> roots;
  for (const PodmanStore* store : updated_stores().items) {
    const auto more = store->overlay_roots();
    roots.insert(roots.end(), more.begin(), more.end());
  }
  return roots;
}

Listing<std::string> PodmanResolver::uppers() {
  Listing<std::string> result;
  auto all = updated_stores();
  result.errors = std::move(all.errors);
  for (PodmanStore* store : all.items) {
    const auto more = store->uppers();
    result.items.insert(result.items.end(), more.begin(), more.end());
  }
  return result;
}

std::unique_ptr<RuntimeResolver> make_podman_resolver(
    const ResolverPlace& place) {
  return std::make_unique<PodmanResolver>(place.host_prefix);
}

}  // namespace stillframe::containers
