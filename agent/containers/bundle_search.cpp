// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/bundle_search.h"

#include "agent/base/text.h"
#include "agent/containers/directory.h"
#include "agent/containers/host_path.h"

namespace stillframe::containers {

Result<std::optional<FoundBundle>> find_bundle(
    const Mount& root, const std::vector<Mount>& host_mounts,
    const std::string& prefix) {
  std::optional<Error> unread;
  for (const auto& rootfs : host_paths(root, host_mounts)) {
    const auto slash = rootfs.rfind('/');
    if (slash == std::string::npos || slash == 0) continue;
    const std::string bundle = rootfs.substr(0, slash);
    if (!is_roots_own(prefix + bundle)) continue;
    auto config = read_oci_config(prefix + bundle + "/config.json");
    if (!config) {
      const int code = config.error().code;
      // Of a file that is none of a runtime's there is no code.
      if (code != 0 && !is_absence(code) && !unread) unread = config.error();
      continue;
    }
    const std::string named = starts_with(config->rootfs, "/")
                                  ? config->rootfs
                                  : bundle + "/" + config->rootfs;
    if (absolute_path(named) != rootfs) continue;
    return FoundBundle{bundle, rootfs, *std::move(config)};
  }
  if (unread) return tl::unexpected<Error>(*std::move(unread));
  return std::nullopt;
}

}  // namespace stillframe::containers
