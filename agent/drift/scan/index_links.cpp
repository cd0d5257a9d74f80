// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/index_links.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "agent/drift/scan/directory.h"

namespace stillframe::drift {
namespace {

// struct ovl_fb of fs/overlayfs/overlayfs.h: what precedes the file handle, and
// where in it the handle's type is. The index names files by all of it in hex.
constexpr std::size_t kHeader = 21;
constexpr std::size_t kTypeAt = 4;

// A handle's type and bytes; empty where the filesystem gives none.
Tried<std::string> handle_of(const LowerPath& path) {
  alignas(file_handle)
      std::array<char, sizeof(struct file_handle) + MAX_HANDLE_SZ>
          space{};
  auto* handle = reinterpret_cast<struct file_handle*>(space.data());
  handle->handle_bytes = MAX_HANDLE_SZ;
  int mount = 0;
  if (::name_to_handle_at(path.dir(), path.c_str(), handle, &mount, 0) != 0) {
    if (errno == EOPNOTSUPP || errno == EOVERFLOW) return std::string();
    return failed("name_to_handle_at");
  }
  const char* bytes = space.data() + offsetof(struct file_handle, f_handle);
  return std::string(1, static_cast<char>(handle->handle_type))
      .append(bytes, handle->handle_bytes);
}

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// The same of a name in the index; empty: it is none.
std::string handle_named(const std::string& name) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < name.size(); i += 2) {
    const int high = nibble(name[i]);
    const int low = nibble(name[i + 1]);
    if (high < 0 || low < 0) return "";
    bytes += static_cast<char>(high << 4 | low);
  }
  if (bytes.size() <= kHeader) return "";
  return bytes.substr(kTypeAt, 1) + bytes.substr(kHeader);
}

}  // namespace

void IndexLinks::begin(const LowerLayers& layers, std::size_t limit,
                       const std::stop_token& stop, Faults* faults) {
  if (place_.empty()) return;
  index_ = open_directory(AT_FDCWD, place_.c_str());
  if (index_ < 0) {
    if (means_gone(errno)) {
      shown_.clear();
    } else {
      faults->add(place_, {"openat", errno});
    }
    return;
  }
  int error = 0;
  const auto names = read_names(index_, limit, stop, &error);
  if (error != 0) {
    faults->add(place_, {"getdents", error});
    return;
  }
  if (names.empty()) {
    shown_.clear();
    return;
  }
  if (!layers_read_) {
    if (const auto done = read_layers(layers, limit, stop); !done) {
      faults->add(place_, done.error());
      return;
    }
  }
  shown_.clear();
  for (const std::string& name : names) {
    const auto found = paths_.find(handle_named(name));
    if (found == paths_.end()) continue;
    for (const std::string& path : found->second) note(path, name);
  }
}

void IndexLinks::end() { index_ = Fd(); }

// All that the image shows is looked at: an inode does not know its names.
Tried<> IndexLinks::read_layers(const LowerLayers& layers, std::size_t limit,
                                const std::stop_token& stop) {
  struct Open {
    LowerView view;
    std::string path;
  };
  paths_.clear();
  std::size_t seen = 0;
  std::vector<Open> open{{layers.root(), ""}};
  while (!open.empty()) {
    const Open at = std::move(open.back());
    open.pop_back();
    const auto names = LowerLayers::names(at.view.merged, limit, stop);
    if (!names) return failed(names);
    seen += names->size();
    if (seen > limit) return failed("too many entries", 0);
    for (const std::string& name : *names) {
      const auto hit = LowerLayers::find(at.view, name);
      if (!hit) return failed(hit);
      if (!*hit) continue;
      std::string path = at.path + "/" + name;
      if ((*hit)->directory()) {
        auto below = layers.enter(at.view, name);
        if (!below) return failed(below);
        open.push_back({*std::move(below), std::move(path)});
      } else if ((*hit)->st.st_nlink > 1) {
        auto handle = handle_of({at.view.merged[(*hit)->index], name});
        if (!handle) return failed(handle);
        if (!handle->empty()) paths_[*handle].push_back(std::move(path));
      }
    }
  }
  std::erase_if(paths_, [](const auto& one) { return one.second.size() < 2; });
  layers_read_ = true;
  return {};
}

void IndexLinks::note(const std::string& path, const std::string& file) {
  std::size_t slash = path.rfind('/');
  shown_[path.substr(0, slash)][path.substr(slash + 1)] = {false, file};
  while (slash != 0) {
    const std::string directory = path.substr(0, slash);
    slash = directory.rfind('/');
    auto& above = shown_[directory.substr(0, slash)];
    if (!above.try_emplace(directory.substr(slash + 1), Link{true, ""})
             .second) {
      return;
    }
  }
}

std::vector<std::string> IndexLinks::names(const std::string& directory) const {
  std::vector<std::string> out;
  const auto found = shown_.find(directory);
  if (found == shown_.end()) return out;
  for (const auto& [name, link] : found->second) out.push_back(name);
  return out;
}

std::optional<IndexLinks::Link> IndexLinks::find(
    const std::string& directory, const std::string& name) const {
  const auto dir = shown_.find(directory);
  if (dir == shown_.end()) return std::nullopt;
  const auto link = dir->second.find(name);
  if (link == dir->second.end()) return std::nullopt;
  return link->second;
}

Tried<Fd> IndexLinks::open(const Link& link) const {
  Fd fd(::openat(index_, link.file.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (fd < 0 && !means_gone(errno)) return failed("openat");
  struct stat st{};
  if (fd >= 0 && ::fstat(fd, &st) == 0 && is_whiteout(st)) return Fd();
  return fd;
}

}  // namespace stillframe::drift
