// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/host_path.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <optional>

#include "agent/base/file.h"
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

// Where `rest` leads to from `top`; empty: out of it, or there is no directory.
std::string directory_below(const std::string& top, const std::string& rest) {
  constexpr int kFlags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  const Fd anchor = open_without_links(top, kFlags);
  if (anchor < 0) return "";
  struct open_how how{};
  how.flags = kFlags;
  how.resolve = RESOLVE_BENEATH;
  const std::size_t name = rest.find_first_not_of('/');
  const std::string path = name == std::string::npos ? "." : rest.substr(name);
  const Fd found(static_cast<int>(
      ::syscall(SYS_openat2, int(anchor), path.c_str(), &how, sizeof how)));
  if (found < 0) return "";
  return read_link("/proc/self/fd/" + std::to_string(int(found))).value_or("");
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

std::vector<std::string> host_directories(const std::string& path,
                                          const std::vector<Mount>& mounts,
                                          const std::vector<Mount>& host_mounts,
                                          const std::string& prefix) {
  const Mount* over = nullptr;  // the innermost, and of those the latest
  std::string rest;
  for (const Mount& mount : mounts) {
    const auto below_it = rest_below(path, mount.target);
    if (!below_it) continue;
    if (over != nullptr && mount.target.size() < over->target.size()) continue;
    over = &mount;
    rest = *below_it;
  }
  std::vector<std::string> found;
  if (over == nullptr || !starts_with(path, "/")) return found;
  for (const auto& top : host_paths(*over, host_mounts)) {
    auto real = directory_below(prefix + top, rest);
    if (!real.empty()) found.push_back(std::move(real));
  }
  return found;
}

}  // namespace stillframe::containers
