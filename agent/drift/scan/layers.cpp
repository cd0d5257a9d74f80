// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/layers.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <unordered_set>

#include "agent/base/text.h"
#include "agent/drift/scan/xattr.h"

namespace stillframe::drift {
namespace {

constexpr int kLook = O_PATH | O_DIRECTORY | O_CLOEXEC;

enum class Look { missing, whiteout, other, directory };

// What one layer has under a name.
Look look(const LowerDir& dir, const char* name, struct stat* st) {
  if (::fstatat(*dir.fd, name, st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) !=
      0) {
    return Look::missing;
  }
  if (is_whiteout(*st)) return Look::whiteout;
  if (S_ISDIR(st->st_mode)) return Look::directory;
  if (dir.xwhiteouts && S_ISREG(st->st_mode) && st->st_size == 0 &&
      XattrNames::of(proc_path(*dir.fd, name), false).has(kXattrWhiteout)) {
    return Look::whiteout;
  }
  return Look::other;
}

std::optional<LowerDir> open_at(const LowerDir& parent, const char* name,
                                int flags) {
  auto fd = std::make_shared<const Fd>(::openat(*parent.fd, name, flags));
  if (*fd < 0) return std::nullopt;
  return LowerDir{std::move(fd), parent.layer, false};
}

// One layer's answer to a path of several components.
struct Walked {
  Look look = Look::missing;
  LowerDir dir;
  OverlayMarks marks;   // of the directory reached
  bool opaque = false;  // it or one on the way to it
};

Walked walk(LowerDir dir, const std::string& path) {
  Walked out;
  for (const std::string& part : split(path, '/')) {
    if (part.empty()) continue;
    struct stat st{};
    out.look = look(dir, part.c_str(), &st);
    if (out.look != Look::directory) return out;
    auto next = open_at(dir, part.c_str(), kLook | O_NOFOLLOW);
    if (!next) {
      out.look = Look::missing;
      return out;
    }
    out.marks = overlay_marks(XattrNames::of(proc_path(*next->fd), true));
    next->xwhiteouts = out.marks.xwhiteouts;
    out.opaque |= out.marks.opaque;
    dir = *std::move(next);
  }
  out.dir = std::move(dir);
  return out;
}

// A redirect's effect on the path looked for in the layers below: an absolute
// one replaces it, a relative one its last component.
std::string redirected(const std::string& path, const std::string& redirect) {
  if (redirect.front() == '/') return redirect;
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return redirect;
  return path.substr(0, slash + 1) + redirect;
}

}  // namespace

bool is_whiteout(const struct stat& st) {
  return S_ISCHR(st.st_mode) && st.st_rdev == 0;
}

LowerLayers::LowerLayers(const std::vector<std::string>& paths,
                         std::vector<std::string>* errors) {
  for (std::size_t i = 0; i < paths.size(); ++i) {
    // A layer's path may well be a symbolic link: podman and docker mount short
    // ones, mount options being limited to a page.
    auto fd = std::make_shared<const Fd>(::open(paths[i].c_str(), kLook));
    if (*fd < 0) {
      errors->push_back("lower layer " + paths[i] + ": " +
                        std::strerror(errno));
      continue;
    }
    LowerDir dir{std::move(fd), static_cast<std::uint32_t>(i), false};
    dir.xwhiteouts =
        overlay_marks(XattrNames::of(proc_path(*dir.fd), true)).xwhiteouts;
    roots_.push_back(std::move(dir));
  }
}

std::optional<LowerHit> LowerLayers::find(const LowerView& view,
                                          const char* name) {
  LowerHit hit;
  for (std::size_t i = 0; i < view.merged.size(); ++i) {
    switch (look(view.merged[i], name, &hit.st)) {
      case Look::missing:
        continue;
      case Look::whiteout:
        return std::nullopt;
      case Look::other:
      case Look::directory:
        hit.dir = view.merged[i];
        hit.index = i;
        return hit;
    }
  }
  return std::nullopt;
}

std::optional<struct stat> LowerLayers::find_literal(const LowerView& view,
                                                     const char* name) {
  struct stat st{};
  for (const LowerDir& dir : view.literal) {
    if (::fstatat(*dir.fd, name, &st, AT_NO_AUTOMOUNT) != 0) continue;
    if (is_whiteout(st)) return std::nullopt;
    return st;
  }
  return std::nullopt;
}

std::vector<LowerDir> LowerLayers::merge(const std::vector<LowerDir>& parents,
                                         std::string path) const {
  std::vector<LowerDir> out;
  const bool absolute = !path.empty() && path.front() == '/';
  const std::vector<LowerDir>* stack = absolute ? &roots_ : &parents;
  for (std::size_t i = 0; i < stack->size(); ++i) {
    const std::uint32_t layer = (*stack)[i].layer;
    Walked found = walk((*stack)[i], path);
    if (found.look == Look::missing && !found.opaque) continue;
    if (found.look != Look::directory) break;
    out.push_back(std::move(found.dir));
    if (found.opaque) break;
    if (found.marks.redirect.empty()) continue;
    path = redirected(path, found.marks.redirect);
    if (path.front() == '/' && stack != &roots_) {
      stack = &roots_;
      i = 0;
      while (i < stack->size() && (*stack)[i].layer <= layer) ++i;
      --i;  // the loop's own step; wraps around from 0 and back
    }
  }
  return out;
}

LowerView LowerLayers::enter(const LowerView& view, const std::string& name,
                             const std::string& redirect) const {
  LowerView out;
  out.merged = merge(view.merged, redirect.empty() ? name : redirect);
  for (const LowerDir& dir : view.literal) {
    struct stat st{};
    if (::fstatat(*dir.fd, name.c_str(), &st, AT_NO_AUTOMOUNT) != 0) continue;
    if (is_whiteout(st)) break;
    if (!S_ISDIR(st.st_mode)) continue;
    // Nearly always the directory that is merged, too: share its descriptor.
    bool shared = false;
    for (const LowerDir& same : out.merged) {
      struct stat merged{};
      if (same.layer != dir.layer || ::fstat(*same.fd, &merged) != 0) continue;
      if (merged.st_ino != st.st_ino || merged.st_dev != st.st_dev) continue;
      out.literal.push_back(same);
      shared = true;
      break;
    }
    if (shared) continue;
    if (auto opened = open_at(dir, name.c_str(), kLook)) {
      out.literal.push_back(*std::move(opened));
    }
  }
  return out;
}

std::vector<std::string> LowerLayers::names(const LowerView& view,
                                            std::size_t limit) {
  std::unordered_set<std::string> seen;
  std::vector<std::string> out;
  for (const LowerDir& dir : view.merged) {
    Fd fd = open_directory(*dir.fd, ".");
    int error = 0;
    for (DirectoryName& one : read_names(fd, limit, &error)) {
      if (out.size() >= limit) return out;
      if (!seen.insert(one.name).second) continue;
      struct stat st{};
      const Look found = look(dir, one.name.c_str(), &st);
      if (found == Look::other || found == Look::directory) {
        out.push_back(std::move(one.name));
      }
    }
  }
  return out;
}

std::vector<DirectoryName> read_names(int fd, std::size_t limit, int* error) {
  std::vector<DirectoryName> out;
  alignas(dirent64) std::array<char, 32768> buffer;
  *error = 0;
  for (;;) {
    const long size =
        ::syscall(SYS_getdents64, fd, buffer.data(), buffer.size());
    if (size == 0) return out;
    if (size < 0) {
      *error = errno;
      return out;
    }
    for (long at = 0; at < size;) {
      // The kernel lays struct linux_dirent64 out as glibc's dirent64.
      const char* record = buffer.data() + at;
      std::uint16_t length = 0;
      std::memcpy(&length, record + offsetof(dirent64, d_reclen), 2);
      at += length;
      const char* name = record + offsetof(dirent64, d_name);
      if (std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0) continue;
      if (out.size() >= limit) {
        *error = EFBIG;
        return out;
      }
      const auto type =
          static_cast<unsigned char>(record[offsetof(dirent64, d_type)]);
      out.push_back({name, type});
    }
  }
}

Fd open_directory(int parent, const char* name) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  Fd fd(::openat(parent, name, kFlags | O_NOATIME));
  // O_NOATIME takes ownership of the directory or CAP_FOWNER.
  if (fd < 0 && errno == EPERM) fd = ::openat(parent, name, kFlags);
  return fd;
}

}  // namespace stillframe::drift
