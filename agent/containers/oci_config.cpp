// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/oci_config.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <utility>

#include "agent/base/text.h"
#include "agent/containers/json.h"

namespace stillframe::containers {
namespace {

constexpr std::size_t kMaxConfig = 2u << 20;

// Hooks that run ahead of the container's own program and in its mounts, or
// may.
constexpr std::array kEarlyHooks = {"prestart", "createRuntime",
                                    "createContainer", "startContainer"};

// What a runtime makes in /dev without being asked: nodes, or where it may not
// make such, mounts of the host's.
constexpr std::array kDevices = {"/dev/console", "/dev/full",   "/dev/null",
                                 "/dev/ptmx",    "/dev/random", "/dev/urandom",
                                 "/dev/tty",     "/dev/zero"};

// dockerd's own only joins a network.
bool mounts_nothing(const nlohmann::json& hook) {
  const auto& arguments = member(hook, "args");
  return arguments.is_array() && !arguments.empty() &&
         arguments.front() == "libnetwork-setkey";
}

// Whether somebody else than the runtime may have mounted something.
bool others_mount(const nlohmann::json& config) {
  const auto& hooks = member(config, "hooks");
  for (const auto* name : kEarlyHooks) {
    const auto& some = member(hooks, name);
    if (!some.is_array()) continue;
    if (!std::all_of(some.begin(), some.end(), mounts_nothing)) return true;
  }
  const auto& namespaces = member(member(config, "linux"), "namespaces");
  if (!namespaces.is_array()) return true;
  return std::none_of(
      namespaces.begin(), namespaces.end(), [](const auto& one) {
        return text_of(one, "type") == "mount" && text_of(one, "path").empty();
      });
}

AskedMount asked_mount(const nlohmann::json& mount) {
  AskedMount out{absolute_path(text_of(mount, "destination")),
                 text_of(mount, "type"), text_of(mount, "source")};
  const auto& options = member(mount, "options");
  if (!options.is_array()) return out;
  for (const auto& option : options) {
    if (option == "bind" || option == "rbind") out.type = option;
  }
  return out;
}

// Of the paths in a list, all that are absolute.
void add_paths(const nlohmann::json& paths, std::vector<AskedMount>& out) {
  if (!paths.is_array()) return;
  for (const auto& one : paths) {
    const auto path =
        one.is_string() ? one.get<std::string>() : text_of(one, "path");
    out.push_back({absolute_path(path), "", ""});
  }
}

AskedMounts all_mounts(const nlohmann::json& config) {
  const auto& mounts = member(config, "mounts");
  if (!mounts.is_array() || others_mount(config)) return nullptr;
  std::vector<AskedMount> out;
  for (const auto& mount : mounts) out.push_back(asked_mount(mount));
  const auto& linux_part = member(config, "linux");
  for (const auto* list : {"maskedPaths", "readonlyPaths", "devices"}) {
    add_paths(member(linux_part, list), out);
  }
  for (const auto* device : kDevices) out.push_back({device, "", ""});
  std::erase_if(out, [](const AskedMount& one) { return one.path.empty(); });
  return std::make_shared<const std::vector<AskedMount>>(std::move(out));
}

}  // namespace

Result<OciConfig> read_oci_config(const std::string& path) {
  const auto config = read_json(path, kMaxConfig);
  if (!config) return tl::unexpected<Error>(config.error());
  OciConfig out;
  out.rootfs = text_of(member(*config, "root"), "path");
  out.annotations = text_map(member(*config, "annotations"));
  const auto& process = member(*config, "process");
  out.asked.work_dir = absolute_path(text_of(process, "cwd"));
  const auto& user = member(process, "user");
  if (member(user, "uid").is_number_unsigned()) {
    out.asked.uid = static_cast<std::uint32_t>(number_of(user, "uid"));
  }
  const auto& mounts = member(*config, "mounts");
  if (!mounts.is_array()) return out;
  out.asked.all_mounts = all_mounts(*config);
  for (const auto& mount : mounts) {
    auto path = absolute_path(text_of(mount, "destination"));
    if (!path.empty()) out.asked.mounts.push_back(std::move(path));
  }
  return out;
}

std::string absolute_path(std::string_view path) {
  std::string out;
  if (!starts_with(path, "/")) return out;
  for (const auto& part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      const auto slash = out.rfind('/');
      if (slash != std::string::npos) out.resize(slash);
      continue;
    }
    out += '/';
    out += part;
  }
  return out;
}

}  // namespace stillframe::containers
