// SPDX-License-Identifier: Apache-2.0
//
// What a scan of an upper directory says: the truth about a rootfs, as data.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/model/inode.h"
#include "agent/model/mutation.h"

namespace stillframe::drift {

// How an upper file differs from the one that the lower layers show there.
struct Difference {
  bool type : 1 = false;     // became another type of file
  bool content : 1 = false;  // bytes (a symlink's target, a device's number)
  bool mode : 1 = false;
  bool owner : 1 = false;
  bool xattr : 1 = false;  // user-visible extended attributes, ACLs apart
  bool acl : 1 = false;
  bool flags : 1 = false;  // what chattr(1) sets: immutable, append-only, …
  bool time : 1 = false;   // mtime
  // A directory that hides the lower one of its path: opaque, inside an opaque
  // one, or another one renamed onto it.
  bool opaque : 1 = false;
  // Changed since the container began to live, with nothing to compare it with:
  // content and attributes may differ from what they were.
  bool unknown : 1 = false;
  // Too large to be read at once: no difference in its bytes so far, and they
  // have not all been compared.
  bool unread : 1 = false;
  bool operator==(const Difference&) const = default;
  bool any_metadata() const { return mode || owner || xattr || acl || flags; }
  // It differs, whatever comes of `unread`; mtime apart.
  bool sure() const {
    return type || content || opaque || unknown || any_metadata();
  }
};

// What hardly any entry has.
struct Rare {
  // The directory of the upper one that came from elsewhere (redirect_dir) and
  // brought this along; none: nothing did.
  InodeId carrier;
  // trusted.overlay.redirect: its former path.
  std::optional<std::string> redirect;
  // Where differs.opaque: names that the image shows in this directory and the
  // upper one does not have. No entries stand for them.
  std::vector<std::string> hidden;
  bool operator==(const Rare&) const = default;
};

// One that is copied with the entry that has it, or none.
class OwnRare {
 public:
  OwnRare() = default;
  OwnRare(const OwnRare& other)
      : own_(other.own_ ? std::make_unique<Rare>(*other.own_) : nullptr) {}
  OwnRare(OwnRare&&) noexcept = default;
  OwnRare& operator=(OwnRare other) noexcept {
    own_.swap(other.own_);
    return *this;
  }
  ~OwnRare() = default;

  const Rare* get() const { return own_.get(); }  // null: none
  Rare& make() {
    if (!own_) own_ = std::make_unique<Rare>();
    return *own_;
  }

 private:
  std::unique_ptr<Rare> own_;
};

// One entry of the upper directory. Kept small: there may be a hundred
// thousand.
struct Entry {
  InodeId inode;
  InodeId parent;          // none for the root itself
  std::string name;        // empty for the root itself
  std::uint32_t mode = 0;  // st_mode; of a whiteout: that of what it hides
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t links = 0;
  std::uint64_t size = 0;
  WallTime mtime;
  WallTime ctime;  // of the upper inode: cannot be set back
  // Against what the lower layers show at this path. `none`: a directory that
  // is in the upper only because something below it changed (the directory
  // itself is equal), or a whiteout that hides nothing.
  //
  // A directory's mtime moves with each entry made or removed in it. The
  // scanner therefore leaves `none` with differs.time set where nothing but the
  // mtime differs, and UpperTree, which sees all of it, turns it into `changed`
  // as long as no entry directly in the directory has a change of its own.
  Change change = Change::none;
  // podman's own line for this path, before its hidden paths are taken away. A
  // directory without one gets a C anyway when an A or D lies below it:
  // ask runtime_shows(), which knows the tree.
  Change shown_by_runtime = Change::none;
  Difference differs;  // meaningful for Change::changed
  bool whiteout : 1 = false;
  bool metacopy : 1 = false;  // content still in the lower layer
  // What a comparison by stat(2) alone sees, as docker makes it: mode, owner,
  // device number, capability, and of other things than directories size and
  // mtime.
  bool stat_differs : 1 = false;
  // Not all of it could be compared: it differs at least so much. A tree that
  // knows the entry keeps what it knew.
  bool partly : 1 = false;
  // The comparison of its bytes is to go on, though there may be an answer that
  // holds until then.
  bool reading : 1 = false;
  // Not in the upper directory: overlay shows it here, from a lower layer since
  // a directory above came from elsewhere, or as one more name of a file that
  // is in the upper directory.
  bool carried : 1 = false;
  OwnRare rare;

  InodeId carrier() const {
    return rare.get() != nullptr ? rare.get()->carrier : InodeId{};
  }
  // Null: none.
  const std::string* redirect() const {
    const Rare* r = rare.get();
    return r != nullptr && r->redirect ? &*r->redirect : nullptr;
  }
  const std::vector<std::string>* hidden() const {
    const Rare* r = rare.get();
    return r != nullptr && !r->hidden.empty() ? &r->hidden : nullptr;
  }
  bool directory() const { return (mode & 0170000u) == 0040000u; }
};

// A call that failed while a scan looked at something.
struct ScanError {
  std::string path;       // inside the rootfs; of a layer, on the host
  const char* call = "";  // "openat"; or the limit that was reached
  int code = 0;           // an errno value; 0: a limit
};

// "/etc/x: openat: Too many open files", not escaped.
std::string text_of(const ScanError& error);

// A place that a scan could not look at, that moved under its hands, or that it
// left for the next. What
// was known of it and of all below it still stands.
struct Unread {
  InodeId directory;
  std::string name;  // empty: whatever in the directory the scan did not meet
};

// A file that is as it was reported before, at the same place.
struct Unchanged {
  std::uint64_t ino = 0;
  std::uint64_t place = 0;  // place_hash()
};

// Of a name in a directory. A container may choose names that share one.
inline std::uint64_t place_hash(const InodeId& parent, std::string_view name) {
  return std::hash<InodeId>()(parent) * 31 +
         std::hash<std::string_view>()(name);
}

// What a scan met, each thing in one of both. A tree takes entries one by one,
// and each takes its room with it: of a hundred thousand a list and what is
// made of it are never there at once.
struct Met {
  std::deque<Entry> entries;  // parents before children
  std::vector<Unchanged> unchanged;

  std::size_t size() const { return entries.size() + unchanged.size(); }
};

struct ScanResult : Met {  // of entries the first is the root
  InodeId root;
  std::vector<ScanError> errors;  // the first hundred
  std::vector<Unread> unread;
  bool complete = true;  // false: limits reached or something unreadable
  // Descriptors or memory ran out: what was not met may be anywhere, and
  // nothing counts as gone.
  bool exhausted = false;
  bool stopped = false;  // the scanner was asked to stop: entries is empty
  // The entries are those of a plain rootfs, not of an upper directory: all of
  // its directories, and of the rest what is not the image's any more.
  bool plain = false;
  // Whoever prints what changed compares two trees: the mount may show what
  // no upper directory holds.
  bool by_trees = false;
  // Why more may be missing than can be known; empty: nothing is.
  std::string unknowable;
  std::uint64_t started_boot_ns = 0;
  std::uint64_t duration_ns = 0;
};

}  // namespace stillframe::drift
