// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/host_path.h"

#include "agent/base/text.h"

namespace stillframe::containers {
namespace {

std::string below(const std::string& directory, const std::string& rest) {
  if (rest.empty()) return directory;
  return directory == "/" ? rest : directory + rest;
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

}  // namespace stillframe::containers
