// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/oci_config.h"

#include <cstddef>
#include <nlohmann/json.hpp>

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
  out.work_dir = absolute_path(text_of(member(*config, "process"), "cwd"));
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
