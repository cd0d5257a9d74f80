// SPDX-License-Identifier: Apache-2.0
#pragma once

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

// The names of a file's extended attributes.
class XattrNames {
 public:
  using Pair = std::pair<std::string, std::string>;

  // The file at `path`; of a magic link of proc_path(fd), the file behind it.
  static Tried<XattrNames> of(std::string path, bool follow);

  bool has(std::string_view name) const;
  // Empty when absent.
  Tried<std::string> value(const char* name) const;
  // More than the kernel lists: anyone who may set attributes can arrange that,
  // no image can hold it. has() and value() work anyway, visible() is empty.
  bool too_many() const { return too_many_; }

  // The attributes that someone in the container set: overlayfs' own are left
  // out. Sorted by name.
  Tried<std::vector<Pair>> visible() const;

 private:
  std::string path_;
  std::string names_;  // each ended by a zero byte, as listxattr(2) gives them
  bool follow_ = false;
  bool too_many_ = false;
};

// What overlayfs noted on a directory or file (fs/overlayfs/overlayfs.h). Only
// `opaque` counts under its unprivileged name user.overlay.*: a mount with
// userxattr has no redirects and no metacopy, and anyone in a container may set
// user.* attributes.
struct OverlayMarks {
  bool opaque = false;
  bool trusted_opaque = false;  // by the privileged name: all that podman reads
  bool xwhiteouts = false;      // zero-size files in it may be whiteouts
  bool metacopy = false;
  std::string redirect;
};
Tried<OverlayMarks> overlay_marks(const XattrNames& names);

inline constexpr char kXattrWhiteout[] = "trusted.overlay.whiteout";

}  // namespace stillframe::drift
