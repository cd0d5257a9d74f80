// SPDX-License-Identifier: Apache-2.0
//
// Inspector: a rootfs that is no overlay. What lies in it may be the image's or
// not; ctime tells, which nobody can set back. Three questions decide:
//  - did it change since the container began to live (`since`)?
//  - is there a directory that the rootfs is a copy of (podman's vfs and btrfs
//    drivers)? Then it is compared with that one, as an upper file with a
//    lower;
//  - else, what does the inventory say that was there?
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <unordered_set>

#include "agent/base/inode_identity.h"
#include "agent/drift/scan/inspect.h"

namespace stillframe::drift {
namespace {

// The kernel finds a directory's root by asking those above it, eight at most
// for what the host does (bpf/files_ctime.bpf.c): one in six is enough to be
// told of.
constexpr unsigned kRegisterEvery = 6;

bool later(const struct timespec& time, WallTime since) {
  return wall(time) > since;
}

bool same_type(std::uint32_t a, std::uint32_t b) {
  return (a & S_IFMT) == (b & S_IFMT);
}

bool same_by_stat(const struct stat& a, const struct stat& b) {
  return a.st_mode == b.st_mode && a.st_uid == b.st_uid &&
         a.st_gid == b.st_gid && a.st_rdev == b.st_rdev &&
         (S_ISDIR(a.st_mode) ||
          (a.st_size == b.st_size && wall(a.st_mtim) == wall(b.st_mtim)));
}

// Whether it was made since; where the filesystem does not tell, no.
bool born_later(int dir, const char* name, WallTime since) {
  struct statx sx{};
  if (::statx(dir, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BTIME,
              &sx) != 0 ||
      (sx.stx_mask & STATX_BTIME) == 0) {
    return false;
  }
  return wall({sx.stx_btime.tv_sec, sx.stx_btime.tv_nsec}) > since;
}

std::optional<LowerHit> hit_in(const UpperDir& dir, const std::string& name) {
  if (dir.view.merged.empty()) return std::nullopt;
  LowerHit hit;
  hit.dir = dir.view.merged.front();
  if (::fstatat(*hit.dir.fd, name.c_str(), &hit.st,
                AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
    return std::nullopt;
  }
  return hit;
}

}  // namespace

bool Inspector::untouched(const UpperDir& dir, const std::string& name,
                          const struct stat& st) const {
  if (later(st.st_ctim, plain_->since)) return false;
  if (plain_->inventory != nullptr) {
    const auto known = plain_->inventory->find(dir.known, name);
    return known && known->ino == st.st_ino;
  }
  if (!dir.suspect) return true;
  const auto hit = hit_in(dir, name);
  return hit && same_by_stat(st, hit->st);
}

// A name that is not there: a deletion, if it was.
std::optional<Inspected> Inspector::gone(const UpperDir& dir,
                                         const std::string& name) {
  std::uint32_t mode = 0;
  if (plain_->inventory != nullptr) {
    const auto known = plain_->inventory->find(dir.known, name);
    if (!known) return std::nullopt;
    mode = known->mode;
  } else {
    const auto hit = hit_in(dir, name);
    if (!hit) return std::nullopt;
    mode = hit->st.st_mode;
  }
  Inspected out;
  out.entry.parent = dir.inode;
  out.entry.name = name;
  out.entry.mode = mode;
  out.entry.links = 1;
  out.entry.whiteout = true;
  out.entry.change = out.entry.shown_by_runtime = Change::deleted;
  return out;
}

// Against the inventory, which says little: what changed is said to be changed,
// in which way only where that is sure.
void Inspector::compare_known(const struct stat& st,
                              const std::optional<Inventory::Item>& known,
                              Entry* entry) const {
  if (!known) {
    entry->change = Change::added;
    return;
  }
  Difference& d = entry->differs;
  d.type = !same_type(st.st_mode, known->mode);
  d.mode = !d.type && (st.st_mode & 07777) != (known->mode & 07777);
  d.owner = !d.type && (st.st_uid != known->uid || st.st_gid != known->gid);
  const bool late = later(st.st_ctim, plain_->since);
  const bool another = st.st_ino != known->ino;
  if (!S_ISDIR(st.st_mode)) {
    d.unknown = !d.type && (late || another);
  } else if (!d.type) {
    d.opaque = another;
    // An entry made or removed sets both times to the same instant; anything
    // else that sets ctime is about the directory itself.
    const bool entries = wall(st.st_ctim) == wall(st.st_mtim);
    d.time = late && entries;
    d.unknown = late && !entries && !another && !d.mode && !d.owner;
  }
  if (d.type || d.any_metadata() || d.unknown || d.opaque) {
    entry->change = Change::changed;
    entry->stat_differs = true;
  }
}

void Inspector::compare_copy(const UpperFile& file, const UpperDir& dir,
                             const std::string& name, Entry* entry) {
  const auto hit = hit_in(dir, name);
  if (!hit) {
    entry->change = Change::added;
    return;
  }
  const XattrNames names = XattrNames::of(proc_path(file.fd), true);
  const OverlayMarks marks;  // means nothing here
  UpperFile plain = file;
  plain.names = &names;
  plain.marks = &marks;
  if (!comparer_.compare(plain, {&dir.view, &*hit, name.c_str()}, entry)) {
    trouble(dir.path + "/" + name, "cannot be compared with the image", 0);
  }
  Difference& d = entry->differs;
  // podman compares extended attributes, too, where it compares two trees.
  entry->stat_differs |= d.xattr;
  if (!S_ISDIR(file.st.st_mode) || d.type || d.any_metadata()) {
    entry->change = Change::changed;
  }
}

std::optional<Inspected> Inspector::inspect_plain(const UpperDir& dir,
                                                  const std::string& name) {
  UpperFile file;
  if (::fstatat(dir.fd, name.c_str(), &file.st,
                AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
    if (errno == ENOENT || errno == ENAMETOOLONG) return gone(dir, name);
    trouble(dir.path + "/" + name, "stat", errno);
    return std::nullopt;
  }
  // Something that the host mounted there, or a subvolume: not of the rootfs.
  if (file.st.st_dev != plain_->dev) return std::nullopt;
  if (!S_ISDIR(file.st.st_mode) && untouched(dir, name, file.st)) {
    return std::nullopt;
  }
  const Fd fd(::openat(dir.fd, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (fd < 0 || ::fstat(fd, &file.st) != 0) {
    if (errno != ENOENT) trouble(dir.path + "/" + name, "open", errno);
    return std::nullopt;
  }
  file.fd = fd;
  Inspected out;
  Entry& entry = out.entry;
  entry.inode = inode_id(fd, file.st, fs_magic_);
  entry.parent = dir.inode;
  entry.name = name;
  const bool directory = S_ISDIR(file.st.st_mode);
  if (directory && registrar_ && (dir.depth + 1) % kRegisterEvery == 0) {
    registrar_(entry.inode, true);
  }
  fill(file.st, &entry);
  const bool late = later(file.st.st_ctim, plain_->since);
  if (plain_->inventory != nullptr) {
    const auto known = plain_->inventory->find(dir.known, name);
    compare_known(file.st, known, &entry);
    out.suspect = late || !known || known->ino != file.st.st_ino;
  } else {
    out.suspect = late || dir.suspect;
    if (!directory || out.suspect) compare_copy(file, dir, name, &entry);
  }
  return out;
}

std::vector<Inventory::Item> Inspector::present(
    const UpperDir& dir, const std::vector<DirectoryName>& names) {
  std::vector<Inventory::Item> items;
  for (const DirectoryName& one : names) {
    struct stat st{};
    if (::fstatat(dir.fd, one.name.c_str(), &st,
                  AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0 ||
        st.st_dev != plain_->dev) {
      continue;
    }
    if (later(st.st_ctim, plain_->since) &&
        born_later(dir.fd, one.name.c_str(), plain_->since)) {
      continue;
    }
    items.push_back(Inventory::item(one.name, st));
  }
  return items;
}

std::vector<std::string> Inspector::missing(
    const UpperDir& dir, const std::vector<DirectoryName>& names) {
  if (!dir.suspect) return {};
  auto before = plain_->inventory != nullptr
                    ? plain_->inventory->names(dir.known)
                    : LowerLayers::names(dir.view, limits_.max_entries);
  if (before.empty()) return {};
  std::unordered_set<std::string_view> now;
  for (const DirectoryName& one : names) now.insert(one.name);
  std::erase_if(before, [&](const auto& name) { return now.contains(name); });
  return before;
}

}  // namespace stillframe::drift
