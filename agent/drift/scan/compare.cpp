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

Tried<bool> link_differs(const UpperFile& upper, const LowerFile& lower) {
  std::array<char, PATH_MAX> one;
  std::array<char, PATH_MAX> other;
  const LowerPath path(lower.view->merged[lower.hit.index], lower.name);
  const ssize_t n = ::readlinkat(upper.fd, "", one.data(), one.size());
  if (n < 0) return failed("readlink");
  const ssize_t m =
      ::readlinkat(path.dir(), path.c_str(), other.data(), other.size());
  if (m < 0) return failed("readlink");
  return n != m || std::memcmp(one.data(), other.data(),
                               static_cast<std::size_t>(n)) != 0;
}

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

void compare_xattrs(const std::vector<XattrNames::Pair>& upper,
                    const std::vector<XattrNames::Pair>& lower, Entry* entry) {
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

void Comparer::begin(bool ctime_shows_stores, WallTime now,
                     std::stop_token stop) {
  ctime_shows_stores_ = ctime_shows_stores;
  now_ = now;
  stop_ = std::move(stop);
  buffer_.resize(2 * kChunk);
  for (auto& [inode, known] : known_) known.met = false;
}

void Comparer::end(bool full) {
  buffer_ = {};
  if (full) std::erase_if(known_, [](const auto& k) { return !k.second.met; });
}

Tried<bool> Comparer::bytes_differ(const UpperFile& upper,
                                   const LowerFile& lower) {
  const LowerPath path(lower.view->merged[lower.hit.index], lower.name);
  const Fd one = open_for_reading(AT_FDCWD, proc_path(upper.fd).c_str(), 0);
  if (one < 0) return failed("openat");
  const Fd other = open_for_reading(path.dir(), path.c_str(), O_NOFOLLOW);
  if (other < 0) return failed("openat");
  while (!stop_.stop_requested()) {
    const ssize_t n = read_full(one, buffer_.data(), kChunk);
    if (n < 0) return failed("read");
    const ssize_t m = read_full(other, buffer_.data() + kChunk, kChunk);
    if (m < 0) return failed("read");
    if (n != m || std::memcmp(buffer_.data(), buffer_.data() + kChunk,
                              static_cast<std::size_t>(n)) != 0) {
      return true;
    }
    if (n == 0) return false;
  }
  return failed("stopped", ECANCELED);
}

Tried<bool> Comparer::content_differs(const UpperFile& upper,
                                      const OverlayMarks& marks,
                                      const LowerFile& lower,
                                      const InodeId& inode, bool same_mtime) {
  const struct stat& below = lower.hit.st;
  if (marks.metacopy) return !marks.redirect.empty();
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
  const auto differs = bytes_differ(upper, lower);
  if (differs && ctime_shows_stores_ && now_.ns - ctime.ns > kSettledNs) {
    known_[inode] = {ctime, below.st_ino, below.st_dev, *differs, true};
  }
  return differs;
}

Tried<> Comparer::compare(const UpperFile& upper, const UpperMarks& marks,
                          const LowerFile& lower, Entry* entry) {
  const struct stat& above = upper.st;
  const struct stat& below = lower.hit.st;
  Difference& differs = entry->differs;
  if ((above.st_mode & S_IFMT) != (below.st_mode & S_IFMT)) {
    differs.type = true;
    entry->stat_differs = true;
    return {};
  }
  differs.mode = (above.st_mode & 07777) != (below.st_mode & 07777);
  differs.owner = above.st_uid != below.st_uid || above.st_gid != below.st_gid;
  differs.time = wall(above.st_mtim) != wall(below.st_mtim);
  entry->stat_differs = differs.mode || differs.owner;
  const bool directory = S_ISDIR(above.st_mode);
  if (!directory) {
    entry->stat_differs |= !same_tar_time(above.st_mtim, below.st_mtim) ||
                           above.st_size != below.st_size ||
                           above.st_rdev != below.st_rdev;
    // Known before anything is read, in case that fails.
    differs.content = S_ISREG(above.st_mode) && !marks.marks.metacopy &&
                      above.st_size != below.st_size;
  }

  const LowerPath path(lower.view->merged[lower.hit.index], lower.name);
  const auto lower_names = XattrNames::of(path.absolute(), false);
  if (!lower_names) return failed(lower_names);
  const auto one = marks.names.visible();
  if (!one) return failed(one);
  const auto other = lower_names->visible();
  if (!other) return failed(other);
  differs.xattr = marks.names.too_many();
  compare_xattrs(*one, *other, entry);
  if (directory) return {};

  Tried<bool> content = false;
  if (S_ISREG(above.st_mode)) {
    LowerFile source = lower;
    // A layer made with metacopy keeps a file's bytes further down.
    if (lower_names->has("trusted.overlay.metacopy")) {
      const auto bytes =
          LowerLayers::find(*lower.view, lower.name, lower.hit.index + 1);
      if (!bytes) return failed(bytes);
      if (*bytes) source.hit.index = (*bytes)->index;
    }
    content = content_differs(upper, marks.marks, source, entry->inode,
                              !differs.time);
  } else if (S_ISLNK(above.st_mode)) {
    content = link_differs(upper, lower);
  } else if (S_ISCHR(above.st_mode) || S_ISBLK(above.st_mode)) {
    content = above.st_rdev != below.st_rdev;
  }
  if (!content) return failed(content);
  differs.content = *content;
  return {};
}

}  // namespace stillframe::drift
