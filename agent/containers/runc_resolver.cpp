// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/runc_resolver.h"

#include <algorithm>

#include "agent/base/file.h"
#include "agent/base/number.h"
#include "agent/base/text.h"
#include "agent/containers/cgroup_path.h"
#include "agent/containers/directory.h"
#include "agent/containers/oci_config.h"
#include "agent/containers/resolvers.h"
#include "agent/containers/workload.h"
#include "agent/model/runtime.h"

namespace stillframe::containers {
namespace {

constexpr std::size_t kMaxState = 2u << 20;
constexpr std::size_t kMaxLearnt = 64;
// Of a user's, who may have as many and as large ones as there is room for.
constexpr std::size_t kMaxUsersState = 128u << 10;
constexpr std::size_t kMaxUsersIds = 1024;

constexpr std::array kForms = {std::pair{StateForm::runc, Runtime::runc},
                               std::pair{StateForm::crun, Runtime::crun}};

bool contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

std::string file_of(const std::string& root, const std::string& id,
                    StateForm form) {
  return root + "/" + id + "/" + std::string(state_file(form));
}

}  // namespace

RuncResolver::RuncResolver(CgroupLayout layout, std::string host_prefix)
    : layout_(std::move(layout)), prefix_(std::move(host_prefix)) {}

bool RuncResolver::serves(std::string_view) const { return true; }

Listing<RuncResolver::Root> RuncResolver::roots() const {
  Listing<Root> roots;
  for (const auto& runtime : kRuntimes) {
    const Runtime id = runtime_from(runtime.name);
    const auto form = id == Runtime::crun ? StateForm::crun : StateForm::runc;
    for (const auto path : runtime.states) {
      roots.items.push_back({prefix_ + std::string(path), form, id, "", {}});
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
                           StateForm::runc,
                           docker ? Runtime::docker : Runtime::containerd,
                           docker ? "" : space,
                           {}});
  }
  const std::string users = prefix_ + "/run/user";
  for (const auto& name : list(users, 4096)) {
    const auto uid = parse_number<unsigned>(name);
    if (!uid) continue;
    for (const auto& [form, runtime] : kForms) {
      const std::string path =
          users + "/" + name + "/" + std::string(to_string(runtime));
      roots.items.push_back({path, form, runtime, "", uid});
    }
  }
  return roots;
}

void RuncResolver::learn_states(const std::string& directory) {
  const std::string path = prefix_ + directory;
  const auto known = this->roots();
  if (!starts_with(directory, "/") || contains(learnt_, path) ||
      std::any_of(known.items.begin(), known.items.end(),
                  [&](const Root& root) { return root.path == path; }) ||
      !is_roots_own(path)) {
    return;
  }
  std::erase_if(learnt_, [](const auto& one) {
    const auto there = is_directory(one);
    return there && !*there;
  });
  if (learnt_.size() >= kMaxLearnt) return;
  learnt_.push_back(path);
}

std::optional<RuntimeMetadata> RuncResolver::of_init(
    std::uint32_t pid, std::uint64_t start_ticks,
    const std::set<unsigned>& users) {
  std::vector<Root> roots;
  for (const auto& [form, runtime] : kForms) {
    for (const auto& path : learnt_) {
      roots.push_back({path, form, runtime, "", {}});
    }
    for (const unsigned user : users) {
      if (user == 0) continue;
      roots.push_back({prefix_ + "/run/user/" + std::to_string(user) + "/" +
                           std::string(to_string(runtime)),
                       form, runtime, "", user});
    }
  }
  for (const Root& root : roots) {
    std::vector<Error> unread;
    for (const auto& id : ids_in(root, unread)) {
      const auto state = read(root, id);
      if (state && *state != nullptr && (*state)->init_pid == pid &&
          (*state)->init_start_ticks == start_ticks) {
        return metadata(root, **state);
      }
    }
  }
  return std::nullopt;
}

Result<const OciState*> RuncResolver::load(const Root& root,
                                           const std::string& id) {
  auto state = read(root, id);
  if (state && *state != nullptr && root.user &&
      user_of_cgroup((*state)->cgroup_path) != root.user) {
    states_.erase(file_of(root.path, id, root.form));
    return nullptr;
  }
  return state;
}

Result<const OciState*> RuncResolver::read(const Root& root,
                                           const std::string& id) {
  const std::string path = file_of(root.path, id, root.form);
  const auto stamp = file_stamp(path);
  if (!stamp) return tl::unexpected<Error>(stamp.error());
  if (stamp->empty()) {
    states_.erase(path);
    return nullptr;
  }
  const auto known = states_.find(path);
  if (known == states_.end() || known->second.stamp != *stamp) {
    const auto text = read_file(path, root.user ? kMaxUsersState : kMaxState);
    if (!text && is_absence(text.error().code)) return nullptr;
    if (!text) return tl::unexpected<Error>(text.error());
    auto state = root.form == StateForm::runc ? parse_runc_state(*text, layout_)
                                              : parse_crun_status(*text, id);
    states_[path] = {*stamp,
                     state ? std::optional(std::move(*state)) : std::nullopt};
  }
  const auto& cached = states_[path];
  if (!cached.state || cached.state->id != id) return nullptr;
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
    const OciState& state = **loaded;
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
  constexpr std::size_t kMaxIds = 65536;
  const std::size_t limit = root.user ? kMaxUsersIds : kMaxIds;
  auto ids = subdirectories(root.path, limit);
  if (ids) return *std::move(ids);
  note_error(errors, ids.error());
  std::vector<std::string> before;
  const std::string top = root.path + "/";
  for (auto it = states_.lower_bound(top);
       it != states_.end() && starts_with(it->first, top) &&
       before.size() < limit;
       ++it) {
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
        const OciState& known = **state;
        const bool first = result.ids.emplace(known.cgroup_path, id).second;
        if (first && !root.user && known.init_start_ticks != 0) {
          result.inits.emplace(known.cgroup_path,
                               InitRef{known.init_pid, known.init_start_ticks});
        }
      }
      const std::string path = file_of(root.path, id, root.form);
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
                                       const OciState& state) const {
  RuntimeMetadata result;
  auto& info = result.info;
  info.id = state.id;
  info.runtime = to_string(root.runtime);
  info.space = root.space;
  info.created = state.created;
  result.init_pid = state.init_pid;
  result.init_start_ticks = state.init_start_ticks;
  result.rootfs = state.rootfs;
  result.bundle = state.bundle;
  result.rootless = root.user.has_value();
  result.user = root.user;
  auto annotations = state.annotations;
  if (!result.bundle.empty() && !result.rootless) {
    auto oci = read_oci_config(prefix_ + result.bundle + "/config.json");
    if (oci) {
      result.asked = std::move(oci->asked);
      if (root.form == StateForm::crun) {
        annotations = std::move(oci->annotations);
      }
    } else if (!is_absence(oci.error().code)) {
      result.note("bundle", oci.error());
    }
  }
  const auto manager = annotations.find("io.container.manager");
  if (manager != annotations.end()) {
    info.runtime = manager->second == "libpod" ? to_string(Runtime::podman)
                                               : manager->second;
  }
  info.labels = annotations;
  apply_annotations(annotations, info);
  info.sandbox = marks_sandbox(annotations);
  const bool bare = info.runtime == to_string(Runtime::runc) ||
                    info.runtime == to_string(Runtime::crun);
  // Whoever runs it by hand chose the id.
  if (info.name.empty()) info.name = state.id;
  info.workload = workload_of(info, bare || !is_container_id(info.name));
  return result;
}

std::unique_ptr<RuntimeResolver> make_runc_resolver(
    const ResolverPlace& place) {
  return std::make_unique<RuncResolver>(place.layout, place.host_prefix);
}

}  // namespace stillframe::containers
