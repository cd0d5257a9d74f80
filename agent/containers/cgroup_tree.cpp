// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/cgroup_tree.h"

#include <dirent.h>
#include <sys/stat.h>

#include <charconv>
#include <memory>

#include "agent/base/file.h"
#include "agent/base/text.h"

namespace stillframe::containers {
namespace {

constexpr std::size_t kMaxCgroups = 65536;
constexpr std::size_t kMaxPath = 4000;  // leaves PATH_MAX room for the mount

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

// Calls visit(name, inode) for each directory in `path`.
template <typename Visit>
void each_directory(const std::string& path, const Visit& visit) {
  const std::unique_ptr<DIR, CloseDir> dir(::opendir(path.c_str()));
  if (!dir) return;  // removed meanwhile
  while (const dirent* entry = ::readdir(dir.get())) {
    if (entry->d_type != DT_DIR) continue;
    const std::string name = entry->d_name;
    if (name != "." && name != "..") visit(name, entry->d_ino);
  }
}

// Breadth first, until visit(cgroup) is false.
template <typename Visit>
void walk(const std::string& mount, Cgroup start, const Visit& visit) {
  std::vector<Cgroup> queue{std::move(start)};
  for (std::size_t i = 0; i < queue.size(); ++i) {
    if (!visit(queue[i])) return;
    const std::string parent = queue[i].path == "/" ? "" : queue[i].path;
    each_directory(mount + parent,
                   [&](const std::string& name, std::uint64_t id) {
                     if (queue.size() >= kMaxCgroups) return;
                     if (parent.size() + name.size() >= kMaxPath) return;
                     queue.push_back({parent + "/" + name, id});
                   });
  }
}

}  // namespace

CgroupTree::CgroupTree(std::string mount) : mount_(std::move(mount)) {
  while (ends_with(mount_, "/")) mount_.pop_back();
}

std::vector<Cgroup> CgroupTree::below(const std::string& path) const {
  std::vector<Cgroup> result;
  const std::uint64_t id = id_of(path);
  if (id == 0) return result;
  walk(mount_, {path, id}, [&](const Cgroup& cgroup) {
    result.push_back(cgroup);
    return true;
  });
  return result;
}

std::uint64_t CgroupTree::id_of(const std::string& path) const {
  struct stat st{};
  if (!starts_with(path, "/") || path.size() > kMaxPath) return 0;
  if (::stat((mount_ + path).c_str(), &st) != 0) return 0;
  return S_ISDIR(st.st_mode) ? st.st_ino : 0;
}

std::string CgroupTree::path_of(std::uint64_t id) const {
  std::string found;
  if (id == 0) return found;
  walk(mount_, {"/", id_of("/")}, [&](const Cgroup& cgroup) {
    if (cgroup.id == id) found = cgroup.path;
    return found.empty();
  });
  return found;
}

std::vector<std::uint32_t> CgroupTree::processes(
    const std::string& path) const {
  std::vector<std::uint32_t> pids;
  const auto text = read_file(mount_ + path + "/cgroup.procs");
  if (!text) return pids;  // removed, or threaded: its procs are in the parent
  for (const auto& line : split(*text, '\n')) {
    std::uint32_t pid = 0;
    const char* end = line.data() + line.size();
    const auto parsed = std::from_chars(line.data(), end, pid);
    if (parsed.ec == std::errc() && parsed.ptr == end && pid != 0) {
      pids.push_back(pid);
    }
  }
  return pids;
}

}  // namespace stillframe::containers
