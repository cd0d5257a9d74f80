// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/runc_resolver.h"

#include <nlohmann/json.hpp>

#include "agent/base/file.h"
#include "agent/base/number.h"
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

using nlohmann::json;

constexpr std::size_t kMaxState = 2u << 20;

// runc keeps annotations as "key=value" labels, and the bundle among them.
std::map<std::string, std::string> labels_of(const json& config) {
  std::map<std::string, std::string> result;
  const auto& labels = member(config, "labels");
  if (!labels.is_array()) return result;
  for (const auto& item : labels) {
    const auto* label = item.get_ptr<const std::string*>();
    if (label == nullptr) continue;
    const std::size_t equals = label->find('=');
    if (equals == std::string::npos) continue;
    result.emplace(label->substr(0, equals), label->substr(equals + 1));
  }
  return result;
}

// Absolute as runc saw it -> relative to the hierarchy's root.
std::string relative_cgroup(const std::string& path,
                            const CgroupLayout& layout) {
  if (!starts_with(path, layout.observed_mount + "/")) return "";
  return path.substr(layout.observed_mount.size());
}

}  // namespace

Result<RuncState> parse_runc_state(std::string_view text,
                                   const CgroupLayout& layout) {
  const json state_json = json::parse(text, nullptr, false);
  if (!state_json.is_object()) return fail("not a runc state", EBADMSG);
  const auto& config = member(state_json, "config");
  RuncState state;
  state.id = text_of(state_json, "id");
  state.init_pid =
      static_cast<std::uint32_t>(number_of(state_json, "init_process_pid"));
  state.init_start_ticks = number_of(state_json, "init_process_start");
  state.created =
      parse_rfc3339(text_of(state_json, "created")).value_or(WallTime{});
  state.rootfs = text_of(config, "rootfs");
  state.annotations = labels_of(config);
  if (auto bundle = state.annotations.extract("bundle")) {
    state.bundle = bundle.mapped();
  }
  state.cgroup_path = relative_cgroup(
      text_of(member(state_json, "cgroup_paths"), layout.observed.c_str()),
      layout);
  if (!is_plain_name(state.id)) return fail("a state without an id", EBADMSG);
  return state;
}

RuncResolver::RuncResolver(CgroupLayout layout, std::string host_prefix)
    : layout_(std::move(layout)), prefix_(std::move(host_prefix)) {}

bool RuncResolver::serves(std::string_view) const { return true; }

Listing<RuncResolver::Root> RuncResolver::roots() const {
  Listing<Root> roots;
  for (const auto& runtime : kRuntimes) {
    for (const auto path : runtime.states) {
      roots.items.push_back(
          {prefix_ + std::string(path), runtime_from(runtime.name), "", {}});
    }
  }
  const auto list = [&](const std::string& path, std::size_t limit) {
    const auto names = subdirectories(path, limit);
    if (!names) note_error(roots.errors, names.error());
    return names.value_or(std::vector<std::string>{});
  };
  const std::string containerd = prefix_ + "/run/containerd/runc";
  for (const auto& space : list(containerd, 256)) {
    const bool docker = space == kDockerSpace;
    roots.items.push_back({containerd + "/" + space,
                           docker ? Runtime::docker : Runtime::containerd,
                           docker ? "" : space,
                           {}});
  }
  const std::string users = prefix_ + "/run/user";
  for (const auto& name : list(users, 4096)) {
    const auto uid = parse_number<unsigned>(name);
    if (!uid) continue;
    roots.items.push_back(
        {users + "/" + name + "/runc", Runtime::runc, "", uid});
  }
  return roots;
}

Result<const RuncState*> RuncResolver::load(const Root& root,
                                            const std::string& id) {
  const std::string path = root.path + "/" + id + "/state.json";
  const auto stamp = file_stamp(path);
  if (!stamp) return tl::unexpected<Error>(stamp.error());
  if (stamp->empty()) {
    states_.erase(path);
    return nullptr;
  }
  const auto known = states_.find(path);
  if (known == states_.end() || known->second.stamp != *stamp) {
    const auto text = read_file(path, kMaxState);
    if (!text && is_absence(text.error().code)) return nullptr;
    if (!text) return tl::unexpected<Error>(text.error());
    auto state = parse_runc_state(*text, layout_);
    states_[path] = {*stamp,
                     state ? std::optional(std::move(*state)) : std::nullopt};
  }
  const auto& cached = states_[path];
  if (!cached.state || cached.state->id != id) return nullptr;
  if (root.user && user_of_cgroup(cached.state->cgroup_path) != root.user) {
    return nullptr;
  }
  return &*cached.state;
}

MetadataResult RuncResolver::find(const RuntimeQuery& query) {
  if (!is_plain_name(query.id)) return std::nullopt;
  const auto roots = this->roots();
  std::optional<Error> unread;
  if (!roots.complete()) unread = roots.errors.front();
  for (const auto& root : roots.items) {
    if (!query.space.empty() && query.space != root.space) continue;
    const auto loaded = load(root, query.id);
    // What a user makes unreadable says nothing of others' containers.
    const bool trusted =
        !root.user || root.user == user_of_cgroup(query.cgroup_path);
    if (!loaded && trusted && !unread) unread = loaded.error();
    if (!loaded || *loaded == nullptr) continue;
    const RuncState& state = **loaded;
    // Ids are unique within one root only.
    if (!query.cgroup_path.empty() && !state.cgroup_path.empty() &&
        state.cgroup_path != query.cgroup_path) {
      continue;
    }
    return metadata(root, state);
  }
  if (unread) return tl::unexpected<Error>(std::move(*unread));
  return std::nullopt;
}

std::vector<std::string> RuncResolver::ids_in(
    const Root& root, std::vector<Error>& errors) const {
  auto ids = subdirectories(root.path);
  if (ids) return *std::move(ids);
  note_error(errors, ids.error());
  std::vector<std::string> before;
  const std::string top = root.path + "/";
  for (auto it = states_.lower_bound(top);
       it != states_.end() && starts_with(it->first, top); ++it) {
    const auto end = it->first.find('/', top.size());
    before.push_back(it->first.substr(top.size(), end - top.size()));
  }
  return before;
}

KnownCgroups RuncResolver::cgroups() {
  KnownCgroups result;
  std::map<std::string, Cached> still_there;
  auto roots = this->roots();
  result.errors = std::move(roots.errors);
  for (const auto& root : roots.items) {
    std::vector<Error> errors;
    const auto ids = ids_in(root, errors);
    if (!root.user) note_errors(result.errors, errors);
    for (const auto& id : ids) {
      const auto state = load(root, id);
      // What a user makes unreadable is no one else's loss.
      if (!state && !root.user) note_error(result.errors, state.error());
      if (state && *state != nullptr && (*state)->cgroup_path.size() > 1) {
        result.ids.emplace((*state)->cgroup_path, id);
      }
      const std::string path = root.path + "/" + id + "/state.json";
      if (auto node = states_.extract(path)) {
        still_there.insert(std::move(node));
      }
    }
  }
  // Forgets containers that are gone.
  if (result.errors.empty()) states_.clear();
  states_.merge(still_there);
  return result;
}

// Most cgroups are named after their container, by runc itself or by whoever
// runs it; the state says whether this one is.
std::optional<std::string> RuncResolver::owner_of(const std::string& cgroup) {
  std::vector<std::string> ids{cgroup.substr(cgroup.rfind('/') + 1)};
  if (const auto name = parse_cgroup_path(cgroup)) ids.push_back(name->id);
  const auto roots = this->roots();
  for (const auto& id : ids) {
    if (!is_plain_name(id)) continue;
    for (const auto& root : roots.items) {
      const auto state = load(root, id);
      if (state && *state != nullptr && (*state)->cgroup_path == cgroup) {
        return id;
      }
    }
  }
  return std::nullopt;
}

RuntimeMetadata RuncResolver::metadata(const Root& root,
                                       const RuncState& state) const {
  RuntimeMetadata result;
  auto& info = result.info;
  info.id = state.id;
  info.runtime = to_string(root.runtime);
  info.space = root.space;
  info.created = state.created;
  info.labels = state.annotations;
  result.init_pid = state.init_pid;
  result.init_start_ticks = state.init_start_ticks;
  result.rootfs = state.rootfs;
  result.bundle = state.bundle;
  result.rootless = root.user.has_value();
  if (!result.bundle.empty() && !result.rootless) {
    const auto oci = read_oci_config(prefix_ + result.bundle + "/config.json");
    if (oci) {
      result.asked = oci->asked;
    } else if (!is_absence(oci.error().code)) {
      result.note("bundle", oci.error());
    }
  }
  const auto manager = state.annotations.find("io.container.manager");
  if (manager != state.annotations.end()) {
    info.runtime = manager->second == "libpod" ? to_string(Runtime::podman)
                                               : manager->second;
  }
  apply_annotations(state.annotations, info);
  info.sandbox = marks_sandbox(state.annotations);
  const bool bare = info.runtime == to_string(Runtime::runc);
  // Whoever runs runc by hand chose the id.
  if (info.name.empty()) info.name = state.id;
  info.workload = workload_of(info, bare || !is_container_id(info.name));
  return result;
}

std::unique_ptr<RuntimeResolver> make_runc_resolver(
    const ResolverPlace& place) {
  return std::make_unique<RuncResolver>(place.layout, place.host_prefix);
}

}  // namespace stillframe::containers
