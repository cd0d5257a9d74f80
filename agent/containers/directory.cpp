// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/directory.h"

#include <dirent.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <memory>
#include <optional>

namespace stillframe::containers {
namespace {

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

// None: there is nothing of that name.
Result<std::optional<struct stat>> look_at(const std::string& path) {
  struct stat st{};
  if (::stat(path.c_str(), &st) == 0) return st;
  const int code = errno;
  if (is_absence(code)) return std::nullopt;
  return fail(path, code);
}

}  // namespace

Result<std::vector<std::string>> subdirectories(const std::string& path,
                                                std::size_t limit) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, CloseDir> dir(::opendir(path.c_str()));
  if (!dir) {
    const int code = errno;
    if (is_absence(code)) return names;
    return fail(path, code);
  }
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(dir.get());
    if (entry == nullptr) break;
    std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    const bool unknown = entry->d_type == DT_UNKNOWN;
    if (!unknown && entry->d_type != DT_DIR) continue;
    if (unknown) {
      const auto directory = is_directory(path + "/" + name);
      if (!directory) return tl::unexpected<Error>(directory.error());
      if (!*directory) continue;
    }
    if (names.size() >= limit) return fail(path, EOVERFLOW);
    names.push_back(std::move(name));
  }
  if (errno != 0 && !is_absence(errno)) return fail(path, errno);
  return names;
}

Result<bool> is_directory(const std::string& path) {
  const auto st = look_at(path);
  if (!st) return tl::unexpected<Error>(st.error());
  return st->has_value() && S_ISDIR((*st)->st_mode);
}

Result<> require_directory(const std::string& path) {
  const auto there = is_directory(path);
  if (!there) return tl::unexpected<Error>(there.error());
  if (!*there) return fail(path, ENOENT);
  return {};
}

bool is_roots_own(const std::string& path) {
  struct statfs filesystem{};
  if (::statfs(path.c_str(), &filesystem) != 0 ||
      filesystem.f_type == OVERLAYFS_SUPER_MAGIC) {
    return false;
  }
  for (std::string part = path; !part.empty(); part.resize(part.rfind('/'))) {
    struct stat st{};
    if (::lstat(part.c_str(), &st) != 0 || !S_ISDIR(st.st_mode)) return false;
    const bool others = (st.st_mode & (S_IWGRP | S_IWOTH)) != 0;
    if (st.st_uid != ::geteuid() && st.st_uid != 0) return false;
    if (others && (part == path || (st.st_mode & S_ISVTX) == 0)) return false;
  }
  return true;
}

bool is_users_own(const std::string& path, unsigned uid) {
  if (path.empty() || path[0] != '/') return false;
  for (std::string part = path; !part.empty(); part.resize(part.rfind('/'))) {
    struct stat st{};
    if (::lstat(part.c_str(), &st) != 0 || !S_ISDIR(st.st_mode)) return false;
    if (st.st_uid != uid && (st.st_uid != 0 || part == path)) return false;
  }
  return true;
}

Result<std::string> file_stamp(const std::string& path) {
  const auto found = look_at(path);
  if (!found) return tl::unexpected<Error>(found.error());
  if (!*found) return std::string();
  const struct stat& st = **found;
  return std::to_string(st.st_ino) + ":" + std::to_string(st.st_size) + ":" +
         std::to_string(st.st_mtim.tv_sec) + "." +
         std::to_string(st.st_mtim.tv_nsec);
}

}  // namespace stillframe::containers
