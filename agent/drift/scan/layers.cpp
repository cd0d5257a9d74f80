// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/layers.h"

#include <fcntl.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <unordered_set>

#include "agent/base/descriptors.h"
#include "agent/base/file.h"
#include "agent/base/text.h"
#include "agent/drift/scan/directory.h"
#include "agent/drift/scan/scanner.h"
#include "agent/drift/scan/xattr.h"

namespace stillframe::drift {
namespace {

constexpr int kLook = O_PATH | O_DIRECTORY | O_CLOEXEC;
// Layers beyond these go by their absolute paths.
constexpr std::size_t kHeldLayers = kScanDescriptors / 4;
// Directories far down are held open, so that paths stay short.
constexpr std::size_t kHeldDeep = kScanDescriptors / 4;
constexpr std::size_t kPathMost = PATH_MAX / 2;

enum class Look { missing, whiteout, other, directory };

// What one layer has under a name.
Tried<Look> look(const LowerDir& dir, const std::string& name,
                 struct stat* st) {
  const LowerPath path(dir, name);
  if (::fstatat(path.dir(), path.c_str(), st,
                AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
    if (means_gone(errno) || errno == ENAMETOOLONG) return Look::missing;
    return failed("stat");
  }
  if (is_whiteout(*st)) return Look::whiteout;
  if (S_ISDIR(st->st_mode)) return Look::directory;
  if (dir.xwhiteouts && S_ISREG(st->st_mode) && st->st_size == 0) {
    const auto names = XattrNames::of(path.absolute(), false);
    if (!names) return failed(names);
    if (marks_whiteout(*names, dir.prefix)) return Look::whiteout;
  }
  return Look::other;
}

Tried<OverlayMarks> marks_of(const LowerDir& dir) {
  const bool anchor = dir.anchor && dir.path->empty();
  const auto names = XattrNames::of(
      anchor ? proc_path(dir.anchor->fd()) : LowerPath(dir, ".").absolute(),
      anchor);
  if (!names) return failed(names);
  return overlay_marks(*names, dir.prefix);
}

// Of a file in it.
Tried<OverlayMarks> marks_of(const LowerDir& dir, const std::string& name,
                             bool has_data_layers) {
  const auto names = XattrNames::of(LowerPath(dir, name).absolute(), false);
  if (!names) return failed(names);
  return overlay_marks(*names, dir.prefix, has_data_layers);
}

const std::vector<LowerDir> kNoLayers;

// A redirect's effect on the path looked for in the layers below: an absolute
// one replaces it, a relative one its last component.
std::string redirected(const std::string& path, const std::string& redirect) {
  if (redirect.front() == '/') return redirect;
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return redirect;
  return path.substr(0, slash + 1) + redirect;
}

// Paths of one directory in several layers are one string.
void share_paths(std::vector<LowerDir>* dirs) {
  for (std::size_t i = 1; i < dirs->size(); ++i) {
    const auto& above = (*dirs)[i - 1].path;
    auto& path = (*dirs)[i].path;
    if (path != above && *path == *above) path = above;
  }
}

}  // namespace

// One layer's answer to a path of several components.
struct LowerLayers::Walked {
  Look look = Look::missing;
  LowerDir dir;
  OverlayMarks marks;   // of the directory reached
  bool opaque = false;  // it or one on the way to it
};

LowerAnchor::LowerAnchor(Fd fd, std::shared_ptr<std::size_t> count)
    : fd_(std::move(fd)), number_(fd_), count_(std::move(count)) {
  ++*count_;
}

LowerAnchor::~LowerAnchor() { --*count_; }

LowerPath::LowerPath(const LowerDir& dir, std::string_view name)
    : dir_(dir.anchor ? dir.anchor->fd() : AT_FDCWD) {
  if (name == "." && !dir.path->empty()) {
    path_ = *dir.path;
    return;
  }
  path_.reserve(dir.path->size() + 1 + name.size());
  path_ = *dir.path;
  if (!path_.empty()) path_ += '/';
  path_ += name;
}

std::string LowerPath::absolute() const {
  return dir_ == AT_FDCWD ? path_ : proc_path(dir_, path_);
}

bool is_whiteout(const struct stat& st) {
  return S_ISCHR(st.st_mode) && st.st_rdev == 0;
}

bool LowerDir::same_place(const LowerDir& other) const {
  if (layer != other.layer) return false;
  if (anchor == other.anchor) return *path == *other.path;
  // Held open at different depths: the directory itself decides.
  struct stat a{};
  struct stat b{};
  const LowerPath one(*this, ".");
  const LowerPath two(other, ".");
  return ::fstatat(one.dir(), one.c_str(), &a, 0) == 0 &&
         ::fstatat(two.dir(), two.c_str(), &b, 0) == 0 &&
         a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

ReadableFile LowerData::file() const {
  const LowerPath path(dir, name);
  return {path.dir(), path.c_str(), false, st};
}

LowerLayers::LowerLayers(const std::vector<std::string>& paths,
                         const std::vector<std::string>& data, bool links,
                         OverlayPrefix prefix, Faults* faults)
    : roots_(open(paths, links, prefix, faults)),
      data_(open(data, links, prefix, faults)) {}

std::vector<LowerDir> LowerLayers::open(const std::vector<std::string>& paths,
                                        bool links, OverlayPrefix prefix,
                                        Faults* faults) {
  std::vector<LowerDir> opened;
  const auto shortest = std::make_shared<const std::string>();
  for (std::size_t i = 0; i < paths.size(); ++i) {
    LowerDir dir{nullptr, shortest, static_cast<std::uint32_t>(i), false,
                 prefix};
    // A layer's path may well be a symbolic link: podman and docker mount short
    // ones, mount options being limited to a page.
    if (!links || *held_ < kHeldLayers) {
      Fd fd = links ? Fd(::open(paths[i].c_str(), kLook))
                    : open_without_links(paths[i], kLook);
      if (fd >= 0) {
        dir.anchor = std::make_shared<LowerAnchor>(std::move(fd), held_);
      }
    } else if (char* real = ::realpath(paths[i].c_str(), nullptr)) {
      dir.path = std::make_shared<const std::string>(real);
      std::free(real);
    }
    if (!dir.anchor && dir.path->empty()) {
      usable_ &= means_gone(errno);
      faults->add(paths[i], {"open lower layer", errno});
      continue;
    }
    const auto marks = marks_of(dir);
    if (!marks) {
      usable_ = false;
      faults->add(paths[i], marks.error());
      continue;
    }
    dir.xwhiteouts = marks->xwhiteouts;
    opened.push_back(std::move(dir));
  }
  return opened;
}

// Goes one directory down.
Tried<> LowerLayers::descend(LowerDir* dir, const std::string& name,
                             int flags) const {
  dir->xwhiteouts = false;
  if (dir->path->size() + name.size() < kPathMost) {
    dir->path =
        std::make_shared<const std::string>(LowerPath(*dir, name).c_str());
    return {};
  }
  if (*anchors_ >= kHeldDeep) return failed("too many deep directories", 0);
  const LowerPath path(*dir, name);
  Fd fd(::openat(path.dir(), path.c_str(), kLook | flags));
  if (fd < 0) return failed("openat");
  dir->anchor = std::make_shared<LowerAnchor>(std::move(fd), anchors_);
  dir->path = std::make_shared<const std::string>();
  return {};
}

Tried<LowerLayers::Walked> LowerLayers::walk(LowerDir dir,
                                             const std::string& path) const {
  Walked out;
  for (const std::string& part : split(path, '/')) {
    if (part.empty()) continue;
    struct stat st{};
    const auto found = look(dir, part, &st);
    if (!found) return failed(found);
    out.look = *found;
    if (out.look != Look::directory) return out;
    if (const auto down = descend(&dir, part, O_NOFOLLOW); !down) {
      return failed(down);
    }
    auto marks = marks_of(dir);
    if (!marks) return failed(marks);
    out.marks = *std::move(marks);
    dir.xwhiteouts = out.marks.xwhiteouts;
    out.opaque |= out.marks.opaque;
  }
  out.dir = std::move(dir);
  return out;
}

Tried<std::optional<LowerHit>> LowerLayers::find(const LowerView& view,
                                                 const std::string& name,
                                                 std::size_t from) {
  LowerHit hit;
  for (std::size_t i = from; i < view.merged.size(); ++i) {
    const auto found = look(view.merged[i], name, &hit.st);
    if (!found) return failed(found);
    if (*found == Look::missing) continue;
    if (*found == Look::whiteout) return std::nullopt;
    hit.index = i;
    return hit;
  }
  return std::nullopt;
}

Tried<std::optional<struct stat>> LowerLayers::find_literal(
    const LowerView& view, const std::string& name) {
  struct stat st{};
  for (const LowerDir& dir : view.literal) {
    const LowerPath path(dir, name);
    if (::fstatat(path.dir(), path.c_str(), &st, AT_NO_AUTOMOUNT) != 0) {
      // Links that lead around in circles lead nowhere.
      if (means_gone(errno) || errno == ELOOP || errno == ENAMETOOLONG) {
        continue;
      }
      return failed("stat");
    }
    if (is_whiteout(st)) return std::nullopt;
    return st;
  }
  return std::nullopt;
}

Tried<std::vector<LowerDir>> LowerLayers::merge(
    const std::vector<LowerDir>& parents, std::string path) const {
  std::vector<LowerDir> out;
  const bool absolute = !path.empty() && path.front() == '/';
  const std::vector<LowerDir>* stack = absolute ? &roots_ : &parents;
  for (std::size_t i = 0; i < stack->size(); ++i) {
    const std::uint32_t layer = (*stack)[i].layer;
    auto found = walk((*stack)[i], path);
    if (!found) return failed(found);
    if (found->look == Look::missing && !found->opaque) continue;
    if (found->look != Look::directory) break;
    out.push_back(std::move(found->dir));
    if (found->opaque) break;
    if (found->marks.redirect.empty()) continue;
    path = redirected(path, found->marks.redirect);
    if (path.front() == '/' && stack != &roots_) {
      stack = &roots_;
      i = 0;
      while (i < stack->size() && (*stack)[i].layer <= layer) ++i;
      --i;  // the loop's own step; wraps around from 0 and back
    }
  }
  share_paths(&out);
  return out;
}

Tried<LowerData> LowerLayers::find_data(const std::vector<LowerDir>& parents,
                                        std::string path) const {
  const bool absolute = !path.empty() && path.front() == '/';
  const std::vector<LowerDir>* stack = absolute ? &roots_ : &parents;
  std::uint32_t from = 0;
  for (std::size_t i = 0; i < stack->size(); ++i) {
    if ((*stack)[i].layer < from) continue;
    LowerData out{(*stack)[i], path, {}};
    if (const std::size_t slash = path.rfind('/'); slash != std::string::npos) {
      auto parent = walk(out.dir, path.substr(0, slash));
      if (!parent) return failed(parent);
      if (slash != 0) {
        if (parent->look == Look::missing && !parent->opaque) continue;
        if (parent->look != Look::directory) break;
        out.dir = std::move(parent->dir);
      }
      out.name = path.substr(slash + 1);
    }
    const auto found = look(out.dir, out.name, &out.st);
    if (!found) return failed(found);
    if (*found == Look::missing) continue;
    if (*found != Look::other) break;
    const auto marks = marks_of(out.dir, out.name, has_data());
    if (!marks) return failed(marks);
    if (!marks->metacopy) return out;
    from = out.dir.layer + 1;
    if (marks->redirect.empty()) continue;
    path = redirected(path, marks->redirect);
    if (path.front() == '/' && stack != &roots_) {
      stack = &roots_;
      i = static_cast<std::size_t>(-1);
    }
  }
  return find_data_only(path);
}

// An absolute redirect of the last metacopy on the way names it there
// (ovl_lookup_data_layers()).
Tried<LowerData> LowerLayers::find_data_only(const std::string& path) const {
  const std::size_t slash = path.rfind('/');
  for (const LowerDir& layer : path.starts_with('/') ? data_ : kNoLayers) {
    LowerData out{layer, path.substr(slash + 1), {}};
    if (slash != 0) {
      auto parent = walk(layer, path.substr(0, slash));
      if (!parent) return failed(parent);
      if (parent->look != Look::directory) continue;
      out.dir = std::move(parent->dir);
    }
    const LowerPath file(out.dir, out.name);
    if (::fstatat(file.dir(), file.c_str(), &out.st,
                  AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
      if (means_gone(errno) || errno == ENAMETOOLONG) continue;
      return failed("stat");
    }
    if (S_ISREG(out.st.st_mode)) return out;
  }
  return failed("no bytes of a metacopy", ENODATA);
}

Tried<LowerView> LowerLayers::enter(const LowerView& view,
                                    const std::string& name) const {
  LowerView out;
  auto merged = merge(view.merged, name);
  if (!merged) return failed(merged);
  out.merged = *std::move(merged);
  for (const LowerDir& dir : view.literal) {
    struct stat st{};
    const LowerPath path(dir, name);
    if (::fstatat(path.dir(), path.c_str(), &st, AT_NO_AUTOMOUNT) != 0) {
      if (means_gone(errno) || errno == ELOOP) continue;
      return failed("stat");
    }
    if (is_whiteout(st)) break;
    if (!S_ISDIR(st.st_mode)) continue;
    LowerDir below = dir;
    if (const auto down = descend(&below, name, 0); !down) return failed(down);
    out.literal.push_back(std::move(below));
  }
  share_paths(&out.literal);
  return out;
}

Tried<std::vector<std::string>> LowerLayers::names(
    const std::vector<LowerDir>& merged, std::size_t limit,
    const std::stop_token& stop) {
  std::unordered_set<std::string> seen;
  std::vector<std::string> out;
  for (const LowerDir& dir : merged) {
    const LowerPath path(dir, ".");
    Fd fd = open_directory(path.dir(), path.c_str());
    if (fd < 0) return failed("openat");
    int error = 0;
    for (std::string& one : read_names(fd, limit, stop, &error)) {
      if (stop.stop_requested()) return failed("stopped", ECANCELED);
      if (!seen.insert(one).second) continue;
      struct stat st{};
      const auto found = look(dir, one, &st);
      if (!found) return failed(found);
      if (*found != Look::other && *found != Look::directory) continue;
      if (out.size() >= limit) return failed("too many entries", 0);
      out.push_back(std::move(one));
    }
    if (error == EFBIG) return failed("too many entries", 0);
    if (error != 0) return failed("getdents", error);
  }
  return out;
}

}  // namespace stillframe::drift
