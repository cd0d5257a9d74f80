// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/directory.h"

#include <dirent.h>
#include <sys/stat.h>

#include <memory>

namespace stillframe::containers {
namespace {

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

}  // namespace

std::vector<std::string> subdirectories(const std::string& path,
                                        std::size_t limit) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, CloseDir> dir(::opendir(path.c_str()));
  if (!dir) return names;
  while (const dirent* entry = ::readdir(dir.get())) {
    std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    const bool unknown = entry->d_type == DT_UNKNOWN;
    if (!unknown && entry->d_type != DT_DIR) continue;
    if (unknown && !is_directory(path + "/" + name)) continue;
    if (names.size() >= limit) break;
    names.push_back(std::move(name));
  }
  return names;
}

bool is_directory(const std::string& path) {
  struct stat st{};
  return ::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

std::string file_stamp(const std::string& path) {
  struct stat st{};
  if (::stat(path.c_str(), &st) != 0) return "";
  return std::to_string(st.st_ino) + ":" + std::to_string(st.st_size) + ":" +
         std::to_string(st.st_mtim.tv_sec) + "." +
         std::to_string(st.st_mtim.tv_nsec);
}

}  // namespace stillframe::containers
