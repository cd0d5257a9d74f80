// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/compare.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

#include "agent/base/text.h"

namespace stillframe::drift {
namespace {

constexpr std::size_t kChunk = 64u << 10;
// A store through a mapping moves ctime only at the first touch of a page since
// its last write-back, which comes some 35 s later at most by the kernel's
// defaults (dirty_expire_centisecs + dirty_writeback_centisecs).
constexpr std::int64_t kSettledNs = 120'000'000'000;

constexpr int kRead = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

Fd open_for_reading(int dir, const char* path, int flags) {
  Fd fd(::openat(dir, path, kRead | O_NOATIME | flags));
  if (fd < 0 && errno == EPERM) fd = ::openat(dir, path, kRead | flags);
  return fd;
}

// Reads until `size` bytes are there or the file ends; -1 on failure.
ssize_t read_full(int fd, char* into, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t n = ::read(fd, into + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return static_cast<ssize_t>(done);
}

bool link_differs(const UpperFile& upper, const LowerFile& lower,
                  bool* readable) {
  std::array<char, PATH_MAX> one;
  std::array<char, PATH_MAX> other;
  const ssize_t n = ::readlinkat(upper.fd, "", one.data(), one.size());
  const ssize_t m =
      ::readlinkat(*lower.hit->dir.fd, lower.name, other.data(), other.size());
  *readable = n >= 0 && m >= 0;
  return !*readable || n != m ||
         std::memcmp(one.data(), other.data(), static_cast<std::size_t>(n)) !=
             0;
}

using Xattr = std::pair<std::string, std::string>;

// `paired`: both files have the attribute, with different values.
void note_xattr(const std::string& name, bool paired, Entry* entry) {
  if (starts_with(name, "system.posix_acl_")) {
    entry->differs.acl = true;
    return;
  }
  const bool capability = name == "security.capability";
  // Security modules label each layer of their own accord.
  if (starts_with(name, "security.") && !capability && name != "security.ima" &&
      !paired) {
    return;
  }
  entry->differs.xattr = true;
  entry->stat_differs |= capability;
}

void compare_xattrs(const std::vector<Xattr>& upper,
                    const std::vector<Xattr>& lower, Entry* entry) {
  auto a = upper.begin();
  auto b = lower.begin();
  while (a != upper.end() || b != lower.end()) {
    if (b == lower.end() || (a != upper.end() && a->first < b->first)) {
      note_xattr((a++)->first, false, entry);
    } else if (a == upper.end() || b->first < a->first) {
      note_xattr((b++)->first, false, entry);
    } else {
      if (a->second != b->second) note_xattr(a->first, true, entry);
      ++a;
      ++b;
    }
  }
}

}  // namespace

WallTime wall(const struct timespec& time) {
  // Timestamps are the container's to choose; those out of range wrap around.
  const auto seconds = static_cast<std::uint64_t>(time.tv_sec);
  return {static_cast<std::int64_t>(seconds * 1'000'000'000u +
                                    static_cast<std::uint64_t>(time.tv_nsec))};
}

bool same_tar_time(const struct timespec& a, const struct timespec& b) {
  if (a.tv_nsec != 0 && b.tv_nsec != 0) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
  }
  if (a.tv_sec == b.tv_sec) return true;
  return (b.tv_nsec == 0 && b.tv_sec != LONG_MIN && a.tv_sec == b.tv_sec - 1) ||
         (a.tv_nsec == 0 && a.tv_sec != LONG_MIN && b.tv_sec == a.tv_sec - 1);
}

void Comparer::begin(bool ctime_tells_stores) {
  ctime_tells_stores_ = ctime_tells_stores;
  now_ = wall_now();
  buffer_.resize(2 * kChunk);
  for (auto& [inode, known] : known_) known.met = false;
}

void Comparer::end(bool full) {
  buffer_ = {};
  if (full) std::erase_if(known_, [](const auto& k) { return !k.second.met; });
}

bool Comparer::bytes_differ(const UpperFile& upper, const LowerFile& lower,
                            bool* readable) {
  const Fd one = open_for_reading(AT_FDCWD, proc_path(upper.fd).c_str(), 0);
  const Fd other = open_for_reading(*lower.hit->dir.fd, lower.name, O_NOFOLLOW);
  *readable = one >= 0 && other >= 0;
  while (*readable) {
    const ssize_t n = read_full(one, buffer_.data(), kChunk);
    const ssize_t m = read_full(other, buffer_.data() + kChunk, kChunk);
    *readable = n >= 0 && m >= 0;
    if (!*readable) break;
    if (n != m || std::memcmp(buffer_.data(), buffer_.data() + kChunk,
                              static_cast<std::size_t>(n)) != 0) {
      return true;
    }
    if (n == 0) return false;
  }
  return true;
}

bool Comparer::content_differs(const UpperFile& upper, const LowerFile& lower,
                               const InodeId& inode, bool same_mtime,
                               bool* readable) {
  const struct stat& below = lower.hit->st;
  if (upper.marks->metacopy) return !upper.marks->redirect.empty();
  if (upper.st.st_size != below.st_size) return true;
  if (upper.st.st_size == 0) return false;
  if (static_cast<std::uint64_t>(below.st_size) > limits_.max_compare_bytes) {
    return !same_mtime;
  }
  const WallTime ctime = wall(upper.st.st_ctim);
  const auto found = known_.find(inode);
  if (found != known_.end() && found->second.ctime == ctime &&
      found->second.lower_ino == below.st_ino &&
      found->second.lower_dev == below.st_dev) {
    found->second.met = true;
    return found->second.differs;
  }
  const bool differs = bytes_differ(upper, lower, readable);
  if (*readable && ctime_tells_stores_ && now_.ns - ctime.ns > kSettledNs) {
    known_[inode] = {ctime, below.st_ino, below.st_dev, differs, true};
  }
  return differs;
}

bool Comparer::compare(const UpperFile& upper, const LowerFile& lower,
                       Entry* entry) {
  const struct stat& above = upper.st;
  LowerHit data = *lower.hit;
  const struct stat& below = lower.hit->st;
  Difference& differs = entry->differs;
  if ((above.st_mode & S_IFMT) != (below.st_mode & S_IFMT)) {
    differs.type = true;
    entry->stat_differs = true;
    return true;
  }
  const auto lower_names =
      XattrNames::of(proc_path(*lower.hit->dir.fd, lower.name), false);
  bool readable = upper.names->readable() && lower_names.readable();
  differs.mode = (above.st_mode & 07777) != (below.st_mode & 07777);
  differs.owner = above.st_uid != below.st_uid || above.st_gid != below.st_gid;
  differs.time = wall(above.st_mtim) != wall(below.st_mtim);
  entry->stat_differs = differs.mode || differs.owner;
  compare_xattrs(upper.names->visible(), lower_names.visible(), entry);
  if (S_ISDIR(above.st_mode)) return readable;

  entry->stat_differs |= !same_tar_time(above.st_mtim, below.st_mtim) ||
                         above.st_size != below.st_size ||
                         above.st_rdev != below.st_rdev;
  bool content_readable = true;
  if (S_ISREG(above.st_mode)) {
    LowerFile source = lower;
    // A layer made with metacopy keeps a file's bytes further down.
    if (lower_names.has("trusted.overlay.metacopy")) {
      LowerView rest;
      rest.merged.assign(lower.view->merged.begin() +
                             static_cast<std::ptrdiff_t>(data.index) + 1,
                         lower.view->merged.end());
      if (const auto below_it = LowerLayers::find(rest, lower.name)) {
        data.dir = below_it->dir;
        source.hit = &data;
      }
    }
    differs.content = content_differs(upper, source, entry->inode,
                                      !differs.time, &content_readable);
  } else if (S_ISLNK(above.st_mode)) {
    differs.content = link_differs(upper, lower, &content_readable);
  } else if (S_ISCHR(above.st_mode) || S_ISBLK(above.st_mode)) {
    differs.content = above.st_rdev != below.st_rdev;
  }
  return readable && content_readable;
}

}  // namespace stillframe::drift
