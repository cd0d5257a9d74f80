// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/compare.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>

#include "agent/base/text.h"

namespace stillframe::drift {
namespace {

// Of what chattr(1) sets, the flags that overlay and its tools leave alone.
constexpr unsigned kFlags = FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL |
                            FS_NOATIME_FL | FS_SYNC_FL | FS_DIRSYNC_FL;

// No filesystem has them of anything but files and directories.
Tried<unsigned> flags_of(int dir, const char* path, int nofollow) {
  const Fd fd(::openat(
      dir, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | nofollow));
  if (fd < 0) return failed("openat");
  int flags = 0;
  if (::ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0) return 0;  // it has none
  return static_cast<unsigned>(flags) & kFlags;
}

unsigned protected_flags(const OverlayMarks& marks) {
  unsigned flags = 0;
  for (const char c : marks.protattr) {
    if (c == 'i') flags |= FS_IMMUTABLE_FL;
    if (c == 'a') flags |= FS_APPEND_FL;
  }
  return flags;
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

// A number without a counterpart stands for nobody: no copy can have it.
bool same_owner(const struct stat& upper, const struct stat& lower,
                const IdMaps& owners) {
  if (owners.empty()) {
    return upper.st_uid == lower.st_uid && upper.st_gid == lower.st_gid;
  }
  return owners.users.outside(lower.st_uid) == upper.st_uid &&
         owners.groups.outside(lower.st_gid) == upper.st_gid;
}

bool same_tar_time(const struct timespec& a, const struct timespec& b) {
  if (a.tv_nsec != 0 && b.tv_nsec != 0) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
  }
  if (a.tv_sec == b.tv_sec) return true;
  return (b.tv_nsec == 0 && b.tv_sec != LONG_MIN && a.tv_sec == b.tv_sec - 1) ||
         (a.tv_nsec == 0 && a.tv_sec != LONG_MIN && b.tv_sec == a.tv_sec - 1);
}

void Comparer::begin(const std::string& upper, bool ctime_shows_stores,
                     WallTime now, std::stop_token stop) {
  contents_.begin(ctime_shows_stores, now, std::move(stop));
  // What is made below the directory that the upper one stands in gets these.
  const std::string above = upper.substr(0, upper.rfind('/') + 1);
  const auto flags = flags_of(AT_FDCWD, above.c_str(), 0);
  inherited_flags_ = flags ? *flags & ~(FS_IMMUTABLE_FL | FS_APPEND_FL) : 0;
}

Tried<> Comparer::compare_attributes(const UpperFile& upper,
                                     const UpperMarks& marks,
                                     const LowerFile& lower,
                                     const XattrNames& lower_names,
                                     Entry* entry) const {
  Difference& differs = entry->differs;
  const auto one = marks.names.visible(prefix_);
  if (!one) return failed(one);
  const auto other = lower_names.visible(prefix_);
  if (!other) return failed(other);
  differs.xattr = marks.names.too_many();
  compare_xattrs(*one, *other, entry);
  if (!S_ISREG(upper.st.st_mode) && !S_ISDIR(upper.st.st_mode)) return {};
  const auto above = flags_of(AT_FDCWD, proc_path(upper.fd).c_str(), 0);
  if (!above) return failed(above);
  const LowerPath path(lower.view->merged[lower.hit.index], lower.name);
  const auto below = flags_of(path.dir(), path.c_str(), O_NOFOLLOW);
  if (!below) return failed(below);
  const auto lower_marks = overlay_marks(lower_names, prefix_);
  if (!lower_marks) return failed(lower_marks);
  const unsigned now = *above | protected_flags(marks.marks);
  const unsigned before = *below | protected_flags(*lower_marks);
  differs.flags = ((now ^ before) & ~inherited_flags_) != 0;
  return {};
}

Tried<> Comparer::compare_contents(const UpperFile& upper,
                                   const UpperMarks& marks,
                                   const LowerFile& lower,
                                   const XattrNames& lower_names,
                                   Entry* entry) {
  if (upper.st.st_size != lower.hit.st.st_size) {
    entry->differs.content = true;
    return {};
  }
  if (upper.st.st_size == 0) return {};
  const LowerPath path(lower.view->merged[lower.hit.index], lower.name);
  ReadableFile above{AT_FDCWD, proc_path(upper.fd), true, upper.st};
  ReadableFile below{path.dir(), path.c_str(), false, lower.hit.st};
  std::optional<LowerData> kept;  // holds the directory of `below` open
  if (lower.layers != nullptr) {
    const auto lower_marks =
        overlay_marks(lower_names, prefix_, lower.layers->has_data());
    if (!lower_marks) return failed(lower_marks);
    if (lower_marks->metacopy) {
      // A layer made with metacopy keeps a file's bytes further down.
      auto data = lower.layers->find_data(lower.view->merged, lower.name);
      if (!data) return failed(data);
      kept = *std::move(data);
      below = kept->file();
    }
  }
  if (marks.marks.metacopy) {
    if (!marks.bytes) return failed("no bytes of a metacopy", ENODATA);
    above = *marks.bytes;
  }
  if (above.st.st_ino == below.st.st_ino &&
      above.st.st_dev == below.st.st_dev) {
    return {};
  }
  if (above.st.st_size != below.st.st_size) {
    entry->differs.content = true;
    return {};
  }
  const auto found =
      contents_.compare(entry->inode, wall(upper.st.st_ctim), above, below);
  if (!found) return failed(found);
  entry->differs.content = found->answer == Contents::Answer::differ;
  entry->differs.unread = found->answer == Contents::Answer::unread;
  entry->reading = found->more;
  return {};
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
  differs.owner = !same_owner(above, below, owners_);
  differs.time = wall(above.st_mtim) != wall(below.st_mtim);
  entry->stat_differs = differs.mode || differs.owner;
  const bool directory = S_ISDIR(above.st_mode);
  if (!directory) {
    entry->stat_differs |= !same_tar_time(above.st_mtim, below.st_mtim) ||
                           above.st_size != below.st_size ||
                           above.st_rdev != below.st_rdev;
    // Known before anything is read, in case that fails.
    differs.content = S_ISREG(above.st_mode) && above.st_size != below.st_size;
  }
  const LowerPath path(lower.view->merged[lower.hit.index], lower.name);
  const auto lower_names = XattrNames::of(path.absolute(), false);
  if (!lower_names) return failed(lower_names);
  if (const auto done =
          compare_attributes(upper, marks, lower, *lower_names, entry);
      !done) {
    return done;
  }
  if (S_ISREG(above.st_mode)) {
    return compare_contents(upper, marks, lower, *lower_names, entry);
  }
  if (S_ISLNK(above.st_mode)) {
    const auto content = link_differs(upper, lower);
    if (!content) return failed(content);
    differs.content = *content;
  } else if (S_ISCHR(above.st_mode) || S_ISBLK(above.st_mode)) {
    differs.content = above.st_rdev != below.st_rdev;
  }
  return {};
}

}  // namespace stillframe::drift
