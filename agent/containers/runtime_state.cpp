// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/runtime_state.h"

#include <climits>
#include <nlohmann/json.hpp>

#include "agent/base/text.h"
#include "agent/containers/cgroup_path.h"
#include "agent/containers/json.h"
#include "agent/containers/oci_config.h"

namespace stillframe::containers {
namespace {

using nlohmann::json;

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

// No kernel would take such a path, and it is kept.
bool has_long_path(const OciState& state) {
  return state.bundle.size() > PATH_MAX || state.rootfs.size() > PATH_MAX ||
         state.cgroup_path.size() > PATH_MAX;
}

}  // namespace

Result<OciState> parse_runc_state(std::string_view text,
                                  const CgroupLayout& layout) {
  const json state_json = json::parse(text, nullptr, false);
  if (!state_json.is_object()) return fail("not a runc state", EBADMSG);
  const auto& config = member(state_json, "config");
  OciState state;
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
  if (has_long_path(state)) return fail("a state's path", ENAMETOOLONG);
  return state;
}

Result<OciState> parse_crun_status(std::string_view text,
                                   const std::string& id) {
  const json status = json::parse(text, nullptr, false);
  if (!status.is_object()) return fail("not a status of crun's", EBADMSG);
  OciState state;
  state.id = id;
  state.init_pid = static_cast<std::uint32_t>(number_of(status, "pid"));
  state.init_start_ticks = number_of(status, "process-start-time");
  state.created =
      parse_rfc3339(text_of(status, "created")).value_or(WallTime{});
  state.bundle = text_of(status, "bundle");
  state.rootfs = text_of(status, "rootfs");
  if (!state.rootfs.empty() && !starts_with(state.rootfs, "/")) {
    state.rootfs = absolute_path(state.bundle + "/" + state.rootfs);
  }
  const std::string cgroup = text_of(status, "cgroup-path");
  if (!cgroup.empty()) state.cgroup_path = absolute_path("/" + cgroup);
  if (!is_plain_name(id) || state.init_pid == 0) {
    return fail("not a status of crun's", EBADMSG);
  }
  if (has_long_path(state)) return fail("a status' path", ENAMETOOLONG);
  return state;
}

}  // namespace stillframe::containers
