// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/oci_config.h"

#include <cstddef>
#include <nlohmann/json.hpp>
#include <utility>

#include "agent/base/text.h"
#include "agent/containers/json.h"

namespace stillframe::containers {
namespace {

constexpr std::size_t kMaxConfig = 2u << 20;

}  // namespace

Result<OciConfig> read_oci_config(const std::string& path) {
  const auto config = read_json(path, kMaxConfig);
  if (!config) return tl::unexpected<Error>(config.error());
  OciConfig out;
  out.annotations = text_map(member(*config, "annotations"));
  const auto& process = member(*config, "process");
  out.asked.work_dir = absolute_path(text_of(process, "cwd"));
  const auto& user = member(process, "user");
  if (member(user, "uid").is_number_unsigned()) {
    out.asked.uid = static_cast<std::uint32_t>(number_of(user, "uid"));
  }
  const auto& mounts = member(*config, "mounts");
  if (!mounts.is_array()) return out;
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
