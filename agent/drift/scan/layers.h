// SPDX-License-Identifier: Apache-2.0
//
// The lower layers of an overlay mount: what they show at a path, looked up as
// the kernel does it (fs/overlayfs/namei.c), one directory at a time.
//
// There may be hundreds of layers that share deep trees: what is held of a
// directory is its path from an open ancestor, hardly ever a descriptor of its
// own. The layers are read-only images: their paths stand still.
#pragma once

#include <sys/stat.h>

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/fd.h"
#include "agent/drift/scan/contents.h"
#include "agent/drift/scan/failure.h"
#include "agent/drift/scan/xattr.h"

namespace stillframe::drift {

// A directory of a layer held open; counts how many there are.
class LowerAnchor {
 public:
  LowerAnchor(Fd fd, std::shared_ptr<std::size_t> count);
  ~LowerAnchor();
  LowerAnchor(const LowerAnchor&) = delete;
  LowerAnchor& operator=(const LowerAnchor&) = delete;
  int fd() const { return number_; }

 private:
  Fd fd_;
  int number_;
  std::shared_ptr<std::size_t> count_;
};

// One lower layer's part of a merged directory.
struct LowerDir {
  std::shared_ptr<const LowerAnchor> anchor;  // null: the path is absolute
  // From the anchor; empty: the anchor itself. Shared by the layers that have
  // the directory at the same place.
  std::shared_ptr<const std::string> path;
  std::uint32_t layer = 0;  // 0 is the topmost
  bool xwhiteouts = false;
  OverlayPrefix prefix = OverlayPrefix::none;

  // The same place of the same layer.
  bool same_place(const LowerDir& other) const;
};

// A name in a lower directory ("." is itself), for calls that take a directory
// and a path.
class LowerPath {
 public:
  LowerPath(const LowerDir& dir, std::string_view name);
  int dir() const { return dir_; }
  const char* c_str() const { return path_.c_str(); }
  // For calls that take a path only; its last component is not to be followed.
  std::string absolute() const;

 private:
  int dir_;
  std::string path_;
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
  std::size_t index = 0;  // in LowerView::merged
  struct stat st{};
  bool directory() const { return S_ISDIR(st.st_mode); }
};

// The file of a layer that holds a metacopy's bytes.
struct LowerData {
  LowerDir dir;
  std::string name;
  struct stat st{};
  ReadableFile file() const;  // as long as this is there
};

bool is_whiteout(const struct stat& st);

class LowerLayers {
 public:
  // Opens the layers. One that is gone is left out and said in `faults`; after
  // any other failure nothing can be compared with them: see usable(). `links`:
  // symbolic links in their paths are followed.
  // `data`: data-only ones.
  LowerLayers(const std::vector<std::string>& paths,
              const std::vector<std::string>& data, bool links,
              OverlayPrefix prefix, Faults* faults);

  bool usable() const { return usable_; }
  bool has_data() const { return !data_.empty(); }
  LowerView root() const { return {roots_, roots_}; }

  // The topmost thing of that name from merged[from] on, unless a whiteout
  // hides it. `name` is one component.
  static Tried<std::optional<LowerHit>> find(const LowerView& view,
                                             const std::string& name,
                                             std::size_t from = 0);

  // The first layer's thing by path alone, symbolic links followed.
  static Tried<std::optional<struct stat>> find_literal(
      const LowerView& view, const std::string& name);

  // The view of a subdirectory.
  Tried<LowerView> enter(const LowerView& view, const std::string& name) const;
  // What overlayfs merges at a path below these: a name, or a redirect (a
  // sibling's name or a path from the root).
  Tried<std::vector<LowerDir>> merge(const std::vector<LowerDir>& parents,
                                     std::string path) const;

  // The file that holds the bytes of what lies at a path below these, as for
  // merge(); none when nothing does.
  Tried<LowerData> find_data(const std::vector<LowerDir>& parents,
                             std::string path) const;

  // The names that these show together, unsorted; fails when there are more
  // than `limit`.
  static Tried<std::vector<std::string>> names(
      const std::vector<LowerDir>& merged, std::size_t limit,
      const std::stop_token& stop);

 private:
  struct Walked;

  std::vector<LowerDir> open(const std::vector<std::string>& paths, bool links,
                             OverlayPrefix prefix, Faults* faults);
  Tried<LowerData> find_data_only(const std::string& path) const;
  Tried<Walked> walk(LowerDir dir, const std::string& path) const;
  Tried<> descend(LowerDir* dir, const std::string& name, int flags) const;

  bool usable_ = true;  // open() says
  std::shared_ptr<std::size_t> held_ = std::make_shared<std::size_t>(0);
  std::vector<LowerDir> roots_;
  std::vector<LowerDir> data_;
  // Held far down.
  std::shared_ptr<std::size_t> anchors_ = std::make_shared<std::size_t>(0);
};

}  // namespace stillframe::drift
