// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/inspect.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>

#include "agent/base/inode_identity.h"

namespace stillframe::drift {
namespace {

constexpr std::size_t kMaxErrors = 100;

// podman's line, as pkg/archive of containers/storage decides it for an overlay
// upper directory: stat(2) of the path in one lower layer after the other.
Change podman_line(const struct stat& upper, bool opaque,
                   const std::optional<struct stat>& lower) {
  if (!lower) return Change::added;
  if (S_ISDIR(upper.st_mode) && opaque) return Change::deleted;
  if (S_ISDIR(upper.st_mode) && S_ISDIR(lower->st_mode) &&
      upper.st_size == lower->st_size && upper.st_mode == lower->st_mode &&
      same_tar_time(upper.st_mtim, lower->st_mtim)) {
    return Change::none;
  }
  return Change::changed;
}

}  // namespace

void fill(const struct stat& st, Entry* entry) {
  entry->mode = st.st_mode;
  entry->uid = st.st_uid;
  entry->gid = st.st_gid;
  entry->links = static_cast<std::uint32_t>(st.st_nlink);
  entry->size = static_cast<std::uint64_t>(st.st_size);
  entry->mtime = wall(st.st_mtim);
  entry->ctime = wall(st.st_ctim);
}

void Inspector::begin(long fs_magic, const LowerLayers* layers,
                      std::vector<std::string>* errors) {
  fs_magic_ = fs_magic;
  layers_ = layers;
  errors_ = errors;
  troubles_ = 0;
  comparer_.begin(ctime_tells_stores(fs_magic));
}

void Inspector::end(bool full) {
  comparer_.end(full);
  layers_ = nullptr;
  plain_ = nullptr;
  errors_ = nullptr;
}

void Inspector::trouble(const std::string& path, const char* what, int error) {
  ++troubles_;
  if (errors_->size() >= kMaxErrors) return;
  std::string text = (path.empty() ? "/" : path) + ": " + what;
  if (error != 0) text += std::string(": ") + std::strerror(error);
  errors_->push_back(std::move(text));
}

void Inspector::whiteout(const UpperDir& dir, const std::string& name,
                         Entry* entry) {
  entry->whiteout = true;
  // One inode stands for all whiteouts: its times and links say nothing.
  entry->links = 1;
  entry->mtime = entry->ctime = {};
  entry->shown_by_runtime = Change::deleted;
  if (const auto hit = LowerLayers::find(dir.view, name.c_str())) {
    entry->change = Change::deleted;
    entry->mode = hit->st.st_mode;
  }
}

std::optional<Inspected> Inspector::inspect(const UpperDir& dir,
                                            const std::string& name) {
  if (plain_ != nullptr) return inspect_plain(dir, name);
  // O_PATH opens anything, FIFOs and devices too, without touching it; all that
  // follows asks this descriptor, whatever happens to the name meanwhile.
  const Fd fd(::openat(dir.fd, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (fd < 0) {
    if (errno != ENOENT && errno != ENAMETOOLONG)
      trouble(dir.path + "/" + name, "open", errno);
    return std::nullopt;
  }
  UpperFile file;
  file.fd = fd;
  if (::fstat(fd, &file.st) != 0) {
    trouble(dir.path + "/" + name, "stat", errno);
    return std::nullopt;
  }
  Inspected out;
  Entry& entry = out.entry;
  entry.inode = inode_id(fd, file.st, fs_magic_);
  entry.parent = dir.inode;
  entry.name = name;
  if (is_whiteout(file.st)) {
    fill(file.st, &entry);
    whiteout(dir, name, &entry);
    return out;
  }
  if (registrar_) {
    registrar_(entry.inode, S_ISDIR(file.st.st_mode));
    if (::fstat(fd, &file.st) != 0) {
      trouble(dir.path + "/" + name, "stat", errno);
      return std::nullopt;
    }
  }
  fill(file.st, &entry);
  compare(file, dir, name, &out);
  return out;
}

void Inspector::compare(const UpperFile& opened, const UpperDir& dir,
                        const std::string& name, Inspected* out) {
  Entry& entry = out->entry;
  const bool directory = S_ISDIR(opened.st.st_mode);
  const XattrNames names = XattrNames::of(proc_path(opened.fd), true);
  const OverlayMarks marks = overlay_marks(names);
  UpperFile file = opened;
  file.names = &names;
  file.marks = &marks;

  entry.metacopy = marks.metacopy;
  const bool absolute = !marks.redirect.empty() && marks.redirect[0] == '/';
  const bool redirects =
      !marks.redirect.empty() && !marks.opaque && (absolute || !dir.pure);
  if (redirects || marks.metacopy) entry.redirect = marks.redirect;
  out->pure = directory && (marks.opaque || (dir.pure && !redirects));

  entry.shown_by_runtime =
      podman_line(opened.st, marks.trusted_opaque,
                  LowerLayers::find_literal(dir.view, name.c_str()));
  const auto hit = LowerLayers::find(dir.view, name.c_str());
  if (!hit) {
    entry.change = Change::added;
    return;
  }
  if (!comparer_.compare(file, {&dir.view, &*hit, name.c_str()}, &entry)) {
    trouble(dir.path + "/" + name, "cannot be compared with the image", 0);
  }
  Difference& differs = entry.differs;
  if (!directory || differs.type) {
    entry.change = Change::changed;
    return;
  }
  differs.opaque = out->pure || redirects;
  if (differs.opaque) note_hidden(file, dir, name, &entry);
  if (differs.any_metadata() || differs.opaque) entry.change = Change::changed;
}

void Inspector::note_hidden(const UpperFile& file, const UpperDir& dir,
                            const std::string& name, Entry* entry) {
  const LowerView below = layers_->enter(dir.view, name, "");
  std::vector<std::string> hidden;
  for (std::string& one : LowerLayers::names(below, limits_.max_entries)) {
    struct stat st{};
    if (::fstatat(file.fd, one.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
      hidden.push_back(std::move(one));
    }
  }
  if (hidden.empty()) return;
  entry->hidden =
      std::make_shared<const std::vector<std::string>>(std::move(hidden));
}

Entry Inspector::inspect_root(const UpperDir& root) {
  Entry entry;
  entry.inode = root.inode;
  if (registrar_) registrar_(root.inode, true);
  UpperFile file;
  file.fd = root.fd;
  if (::fstat(root.fd, &file.st) != 0) trouble("", "stat", errno);
  fill(file.st, &entry);
  if (plain_ != nullptr && plain_->inventory != nullptr) {
    if (!plain_->building) {
      compare_known(file.st, plain_->inventory->top(), &entry);
    }
    entry.differs.time = false;
    return entry;
  }
  if (root.view.merged.empty()) return entry;
  const XattrNames names = XattrNames::of(proc_path(root.fd), true);
  const OverlayMarks marks = overlay_marks(names);
  file.names = &names;
  file.marks = &marks;
  LowerHit hit;
  hit.dir = root.view.merged.front();
  if (::fstat(*hit.dir.fd, &hit.st) != 0) trouble("", "stat", errno);
  if (!comparer_.compare(file, {&root.view, &hit, "."}, &entry)) {
    trouble("", "cannot be compared with the image", 0);
  }
  // The runtime makes the upper root: its mtime says nothing of the container.
  entry.differs.time = false;
  if (entry.differs.any_metadata()) entry.change = Change::changed;
  return entry;
}

}  // namespace stillframe::drift
