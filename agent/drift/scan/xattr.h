// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/drift/scan/failure.h"

namespace stillframe::drift {

// A path through /proc that names the file behind a descriptor, O_PATH ones and
// symbolic links included: there is no f*xattr(2) for those.
std::string proc_path(int fd);
// The same of `name` in the directory `fd`.
std::string proc_path(int fd, std::string_view name);

// Under which prefix overlayfs keeps its own attributes.
enum class OverlayPrefix : std::uint8_t {
  trusted,  // trusted.overlay.
  user,     // user.overlay., on a mount with userxattr
  none,     // there is no overlay
};

// The names of a file's extended attributes.
class XattrNames {
 public:
  using Pair = std::pair<std::string, std::string>;

  // The file at `path`; of a magic link of proc_path(fd), the file behind it.
  static Tried<XattrNames> of(std::string path, bool follow);

  bool empty() const { return names_.empty() && !too_many_; }
  bool has(std::string_view name) const;
  // Empty when absent.
  Tried<std::string> value(const char* name) const;
  // More than the kernel lists: anyone who may set attributes can arrange that,
  // no image can hold it. has() and value() work anyway, visible() is empty.
  bool too_many() const { return too_many_; }

  // The attributes that a mount with this prefix shows: overlayfs' own are left
  // out. Sorted by name.
  Tried<std::vector<Pair>> visible(OverlayPrefix prefix) const;

 private:
  std::string path_;
  std::string names_;  // each ended by a zero byte, as listxattr(2) gives them
  bool follow_ = false;
  bool too_many_ = false;
};

// What overlayfs noted on a directory or file (fs/overlayfs/overlayfs.h), by
// the prefix of its mount: the other one's attributes are data like any, and
// user.* is for anyone in a container to set. A mount with userxattr has no
// redirects and no metacopy, but for a file of an image whose bytes are in a
// data-only layer (Linux 6.16).
struct OverlayMarks {
  bool opaque = false;
  bool xwhiteouts = false;  // zero-size files in it may be whiteouts
  bool metacopy = false;
  std::string redirect;
  // Flags that the files below overlay cannot have while it works with them:
  // 'i' immutable, 'a' append-only.
  std::string protattr;
};
Tried<OverlayMarks> overlay_marks(const XattrNames& names, OverlayPrefix prefix,
                                  bool has_data_layers = false);

// Whether an empty file in a directory with `xwhiteouts` is a whiteout.
bool marks_whiteout(const XattrNames& names, OverlayPrefix prefix);

}  // namespace stillframe::drift
