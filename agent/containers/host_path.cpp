// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/host_path.h"

#include <optional>

#include "agent/base/text.h"

namespace stillframe::containers {
namespace {

std::string below(const std::string& directory, const std::string& rest) {
  if (rest.empty()) return directory;
  return directory == "/" ? rest : directory + rest;
}

// What of `path` lies below `top`; none: it does not.
std::optional<std::string> rest_below(const std::string& path,
                                      const std::string& top) {
  if (top == "/") return path == "/" ? "" : path;
  if (path != top && !starts_with(path, top + "/")) return std::nullopt;
  return path.substr(top.size());
}

}  // namespace

std::vector<std::string> host_paths(const Mount& root,
                                    const std::vector<Mount>& host_mounts) {
  std::vector<std::string> paths;
  for (const Mount& mount : host_mounts) {
    if (mount.dev != root.dev) continue;
    const std::string top = mount.root == "/" ? "" : mount.root;
    if (root.root == top || starts_with(root.root, top + "/")) {
      const std::string rest = root.root.substr(top.size());
      paths.push_back(below(mount.target, rest == "/" ? "" : rest));
    }
  }
  return paths;
}

std::vector<std::string> host_paths(const std::string& path,
                                    const std::vector<Mount>& mounts,
                                    const std::vector<Mount>& host_mounts) {
  const Mount* over = nullptr;  // the innermost, and of those the latest
  std::string rest;
  for (const Mount& mount : mounts) {
    const auto below_it = rest_below(path, mount.target);
    if (!below_it) continue;
    if (over != nullptr && mount.target.size() < over->target.size()) continue;
    over = &mount;
    rest = *below_it;
  }
  if (over == nullptr) return {};
  Mount shown = *over;
  shown.root = below(over->root, rest);
  return host_paths(shown, host_mounts);
}

}  // namespace stillframe::containers
