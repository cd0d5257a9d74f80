// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stillframe::drift {

// A path through /proc that names the file behind a descriptor, O_PATH ones and
// symbolic links included: there is no f*xattr(2) for those.
std::string proc_path(int fd);
// The same of `name` in the directory `fd`.
std::string proc_path(int fd, std::string_view name);

// The names of a file's extended attributes.
class XattrNames {
 public:
  // The file at `path`; of a magic link of proc_path(fd), the file behind it.
  static XattrNames of(std::string path, bool follow);

  bool has(std::string_view name) const;
  bool readable() const { return readable_; }
  // Empty when absent.
  std::string value(const char* name) const;

  // The attributes that someone in the container set: overlayfs' own are left
  // out. Sorted by name.
  std::vector<std::pair<std::string, std::string>> visible() const;

 private:
  std::string path_;
  std::string names_;  // each ended by a zero byte, as listxattr(2) gives them
  bool follow_ = false;
  bool readable_ = true;
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
OverlayMarks overlay_marks(const XattrNames& names);

inline constexpr char kXattrWhiteout[] = "trusted.overlay.whiteout";

}  // namespace stillframe::drift
