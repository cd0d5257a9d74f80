// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/cgroup_tree.h"

#include <dirent.h>
#include <sys/stat.h>

#include <memory>

#include "agent/base/file.h"
#include "agent/base/number.h"
#include "agent/base/text.h"

namespace stillframe::containers {
namespace {

constexpr std::size_t kMaxCgroups = 65536;
constexpr std::size_t kMaxPath = 4000;  // leaves PATH_MAX room for the mount

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

// kernfs gives ENODEV for the files of a cgroup that was removed while open.
bool is_removed(int code) { return is_absence(code) || code == ENODEV; }

// Calls visit(name, inode) for each directory in `path`.
template <typename Visit>
Result<> each_directory(const std::string& path, const Visit& visit) {
  const std::unique_ptr<DIR, CloseDir> dir(::opendir(path.c_str()));
  if (!dir) {
    const int code = errno;
    if (is_removed(code)) return {};
    return fail(path, code);
  }
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(dir.get());
    if (entry == nullptr) break;
    if (entry->d_type != DT_DIR) continue;
    const std::string name = entry->d_name;
    if (name != "." && name != "..") visit(name, entry->d_ino);
  }
  if (errno != 0 && !is_removed(errno)) return fail(path, errno);
  return {};
}

// Breadth first, until visit(cgroup) is false. What could not be read.
template <typename Visit>
std::vector<Error> walk(const std::string& mount, Cgroup start,
                        const Visit& visit) {
  std::vector<Error> errors;
  std::vector<Cgroup> queue{std::move(start)};
  for (std::size_t i = 0; i < queue.size(); ++i) {
    if (!visit(queue[i])) return errors;
    const std::string parent = queue[i].path == "/" ? "" : queue[i].path;
    const auto read = each_directory(
        mount + parent, [&](const std::string& name, std::uint64_t id) {
          if (queue.size() >= kMaxCgroups) return;
          if (parent.size() + name.size() >= kMaxPath) return;
          queue.push_back({parent + "/" + name, id});
        });
    if (!read) note_error(errors, read.error());
  }
  return errors;
}

}  // namespace

CgroupTree::CgroupTree(std::string mount) : mount_(std::move(mount)) {
  while (ends_with(mount_, "/")) mount_.pop_back();
}

Listing<Cgroup> CgroupTree::below(const std::string& path) const {
  Listing<Cgroup> result;
  const auto id = id_of(path);
  if (!id) note_error(result.errors, id.error());
  if (!id || *id == 0) return result;
  result.errors = walk(mount_, {path, *id}, [&](const Cgroup& cgroup) {
    result.items.push_back(cgroup);
    return true;
  });
  return result;
}

Result<std::uint64_t> CgroupTree::id_of(const std::string& path) const {
  struct stat st{};
  if (!starts_with(path, "/") || path.size() > kMaxPath) return 0;
  if (::stat((mount_ + path).c_str(), &st) != 0) {
    const int code = errno;
    if (is_removed(code)) return 0;
    return fail(mount_ + path, code);
  }
  return S_ISDIR(st.st_mode) ? st.st_ino : 0;
}

Result<std::string> CgroupTree::path_of(std::uint64_t id) const {
  std::string found;
  if (id == 0) return found;
  const auto root = id_of("/");
  if (!root) return tl::unexpected<Error>(root.error());
  const auto errors = walk(mount_, {"/", *root}, [&](const Cgroup& cgroup) {
    if (cgroup.id == id) found = cgroup.path;
    return found.empty();
  });
  if (found.empty() && !errors.empty()) {
    return tl::unexpected<Error>(errors.front());
  }
  return found;
}

Result<std::vector<std::uint32_t>> CgroupTree::processes(
    const std::string& path) const {
  std::vector<std::uint32_t> pids;
  const auto text = read_file(mount_ + path + "/cgroup.procs");
  if (!text) {
    // Of a threaded cgroup the processes are in its parent.
    const int code = text.error().code;
    if (is_removed(code) || code == EOPNOTSUPP) return pids;
    return tl::unexpected<Error>(text.error());
  }
  for (const auto& line : split(*text, '\n')) {
    const auto pid = parse_number<std::uint32_t>(line);
    if (pid && *pid != 0) pids.push_back(*pid);
  }
  return pids;
}

}  // namespace stillframe::containers
