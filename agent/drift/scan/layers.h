// SPDX-License-Identifier: Apache-2.0
//
// The lower layers of an overlay mount: what they show at a path, looked up as
// the kernel does it (fs/overlayfs/namei.c), one directory at a time.
#pragma once

#include <sys/stat.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/fd.h"

namespace stillframe::drift {

// One lower layer's part of a merged directory.
struct LowerDir {
  std::shared_ptr<const Fd> fd;
  std::uint32_t layer = 0;  // 0 is the topmost
  bool xwhiteouts = false;
};

// A directory as the lower layers have it, topmost layer first.
struct LowerView {
  // What overlayfs merges: ends at opaque directories, follows redirects.
  std::vector<LowerDir> merged;
  // What a tool finds that looks for the path in one layer after the other:
  // blind to opaque directories and redirects, and following symbolic links on
  // the host, since it uses stat(2).
  std::vector<LowerDir> literal;
};

// What the lower layers show under a name.
struct LowerHit {
  LowerDir dir;
  std::size_t index = 0;  // of `dir` in LowerView::merged
  struct stat st{};
  bool directory() const { return S_ISDIR(st.st_mode); }
};

bool is_whiteout(const struct stat& st);

class LowerLayers {
 public:
  // Opens the layers; those that cannot be opened are put into `errors`.
  LowerLayers(const std::vector<std::string>& paths,
              std::vector<std::string>* errors);

  LowerView root() const { return {roots_, roots_}; }

  // The topmost thing of that name, unless a whiteout hides it. `name` is one
  // component.
  static std::optional<LowerHit> find(const LowerView& view, const char* name);

  // The first layer's thing by path alone, symbolic links followed.
  static std::optional<struct stat> find_literal(const LowerView& view,
                                                 const char* name);

  // The view of a subdirectory. With `redirect` (a sibling's name or a path
  // from the root), merged is that of the redirect's target.
  LowerView enter(const LowerView& view, const std::string& name,
                  const std::string& redirect) const;

  // The names that a merged directory shows, unsorted, at most `limit`.
  static std::vector<std::string> names(const LowerView& view,
                                        std::size_t limit);

 private:
  std::vector<LowerDir> merge(const std::vector<LowerDir>& parents,
                              std::string path) const;

  std::vector<LowerDir> roots_;
};

// The names in a directory opened for reading, without . and ..; an errno value
// in `error` when it could not be read whole. Each comes with its d_type.
struct DirectoryName {
  std::string name;
  unsigned char type = 0;
};
std::vector<DirectoryName> read_names(int fd, std::size_t limit, int* error);

// Opens a directory for reading, without leaving a trace in its atime where
// that is allowed. No symbolic link is followed in the last component.
Fd open_directory(int parent, const char* name);

}  // namespace stillframe::drift
