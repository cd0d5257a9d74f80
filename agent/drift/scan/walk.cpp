// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/walk.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "agent/base/descriptors.h"
#include "agent/base/text.h"
#include "agent/drift/scan/directory.h"
#include "agent/drift/scan/known_files.h"
#include "agent/model/inode_identity.h"

namespace stillframe::drift {
namespace {

// Directories on the way down that are held open; how deep it goes is the
// container's choice.
constexpr std::size_t kHeldFrames = kScanDescriptors / 4;
// Of those on the way to where the walk begins: from there it is rarely far to
// the next.
constexpr std::size_t kHeldSteps = 4;

// Directories that one part leaves for the next: fewer than are marked at once
// (DirtySet::kMaxDirectories), or everything would be looked at instead.
constexpr std::size_t kMostLater = 2048;

bool single_component(const std::string& name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

std::string redirect_of(const Entry& entry) {
  return entry.redirect() != nullptr ? *entry.redirect() : "";
}

bool moved_away(int error) { return means_gone(error) || error == ELOOP; }

}  // namespace

void Walker::begin(const RootFile& root, std::stop_token stop, Faults* faults) {
  root_ = root;
  stop_ = std::move(stop);
  faults_ = faults;
}

// Reading takes a descriptor with a position of its own.
Walker::DirPtr Walker::open_root() {
  auto dir = std::make_shared<UpperDir>();
  dir->fd = open_directory(root_.file.fd, ".");
  if (dir->fd < 0) {
    faults_->add("", {"openat", errno});
    faults_->keep(root_.inode);
    return nullptr;
  }
  dir->inode = root_.inode;
  dir->below = baseline_.root();
  return dir;
}

Walker::DirPtr Walker::enter(const UpperDir& parent, const Pending& child) {
  auto made = std::make_shared<UpperDir>();
  UpperDir& dir = *made;
  dir.place = SharedPath::directory(parent.place, child.name);
  dir.depth = parent.depth + 1;
  dir.path_digest =
      KnownFiles::directory_digest(parent.path_digest, child.name);
  const auto keep = [&](const char* call, int error) {
    if (!moved_away(error)) faults_->add(dir.path(), {call, error});
    faults_->keep(child.inode);
    return nullptr;
  };
  dir.fresh = child.fresh;
  dir.carried = child.carried;
  dir.carrier = child.carrier;
  dir.inode = child.inode;
  struct stat st{};
  if (!dir.carried) {
    dir.fd = open_directory(parent.fd, child.name.c_str());
    if (dir.fd < 0) return keep("openat", errno);
    if (::fstat(dir.fd, &st) != 0) return keep("stat", errno);
    dir.inode = inode_id(dir.fd, st, root_.fs_magic);
    if (!same_inode(dir.inode, child.inode)) return keep("", ENOENT);
  }
  auto below =
      parent.below->enter(child.name, child.redirect, child.onward, st);
  if (!below) {
    faults_->add(dir.path(), below.error());
    faults_->keep(child.inode);
    return nullptr;
  }
  if (!*below) return nullptr;
  dir.below = *std::move(below);
  return made;
}

// A directory whose descriptor was given up for others further down.
bool Walker::reopen(Frame* frame) {
  UpperDir& dir = *frame->dir;
  if (dir.carried || dir.fd >= 0) return true;
  dir.fd = open_below(root_.file.fd, dir.path());
  int error = dir.fd < 0 ? errno : 0;
  struct stat st{};
  if (error == 0 && ::fstat(dir.fd, &st) != 0) error = errno;
  if (error == 0 &&
      !same_inode(inode_id(dir.fd, st, root_.fs_magic), dir.inode)) {
    error = ENOENT;
  }
  if (error == 0) return true;
  if (!moved_away(error)) faults_->add(dir.path(), {"openat2", error});
  for (const Pending& child : frame->pending) faults_->keep(child.inode);
  return false;
}

Walker::Pending Walker::pending(const Inspected& found, bool fresh) {
  const Entry& entry = found.entry;
  return {entry.name,
          redirect_of(entry),
          entry.inode,
          found.onward,
          entry.carried,
          entry.redirect() != nullptr ? entry.inode : entry.carrier(),
          fresh};
}

void Walker::take(Frame* frame, Inspected found, bool descend_all, Met* met) {
  const Entry& entry = found.entry;
  if (found.unchanged) {
    met->unchanged.push_back(*found.unchanged);
    return;
  }
  if (entry.directory() && !entry.whiteout) {
    // A scan of everything begins with nothing seen, and leaves nothing out.
    const bool fresh = later_ != nullptr && !seen_.ever_read(entry.inode);
    const bool known = seen_.met(entry);
    if (!found.onward.enter) {
      faults_->keep(entry.inode);
    } else if (descend_all || !known) {
      frame->pending.push_back(pending(found, fresh));
    }
  }
  met->entries.push_back(std::move(found.entry));
}

// Reads a directory: its entries go to `met`, directories that are to be
// entered to frame->pending. False when not all of them could be read.
bool Walker::list(Frame* frame, bool descend_all, Met* met) {
  const UpperDir& dir = *frame->dir;
  const std::size_t before = faults_->count();
  const std::size_t first = met->entries.size();
  const std::size_t room =
      limits_.max_entries - std::min(limits_.max_entries, met->size());
  int error = 0;
  std::vector<std::string> names;
  if (!dir.carried) names = read_names(dir.fd, room, stop_, &error);
  if (error == ENOENT) error = 0;  // removed, and therefore empty
  if (error != 0) {
    faults_->add(dir.path(), error == EFBIG ? CallFailed{"too many entries", 0}
                                            : CallFailed{"getdents", error});
    faults_->keep(dir.inode);
  }
  if (const auto noted = dir.below->listed(dir.fd, names); !noted) {
    faults_->add(dir.path(), noted.error());
    faults_->keep(dir.inode);
    return false;
  }
  for (const std::string& name : names) {
    if (stopping()) return false;
    auto found = inspector_.inspect(dir, name);
    if (found && *found) take(frame, **std::move(found), descend_all, met);
  }
  if (error == 0 && !list_missing(frame, names, descend_all, met)) return false;
  UpperFile self{dir.fd, {}};
  if (!dir.carried && ::fstat(dir.fd, &self.st) == 0) {
    dir.below->compared(self, dir.path(), met->entries, first);
  }
  if (faults_->count() != before) return false;
  seen_.read(dir.inode);
  seen_.listed(dir.inode);
  return true;
}

// Names that are to be asked for besides those that the directory has.
bool Walker::list_missing(Frame* frame, const std::vector<std::string>& names,
                          bool descend_all, Met* met) {
  const auto missing = frame->dir->below->missing(names);
  if (!missing) {
    faults_->add(frame->dir->path(), missing.error());
    faults_->keep(frame->dir->inode);
    return false;
  }
  for (const std::string& name : *missing) {
    if (stopping()) return false;
    if (met->size() >= limits_.max_entries) {
      faults_->add(frame->dir->path(), {"too many entries", 0});
      faults_->keep(frame->dir->inode);
      return false;
    }
    auto found = inspector_.inspect(*frame->dir, name);
    if (found && *found) {
      take(frame, **std::move(found), descend_all, met);
    }
  }
  return true;
}

// Whether a directory is left for the next part. Of one that came from
// elsewhere all that is below it is compared with what the image has there, in
// one go; one that is not in the upper directory is found by way of another.
bool Walker::postpone(const Pending& child, const Met& met) {
  if (later_ == nullptr || later_->size() >= kMostLater ||
      met.entries.size() < limits_.enough_entries || !child.fresh ||
      child.carried || !child.redirect.empty()) {
    return false;
  }
  faults_->keep(child.inode);
  later_->push_back(child.inode);
  return true;
}

// Everything below a directory, which itself has been listed. Iterates, and a
// directory is let go of before its last subdirectory is entered.
void Walker::walk(Frame first, Met* met) {
  std::vector<Frame> stack;
  stack.push_back(std::move(first));
  while (!stack.empty() && !stopping()) {
    Frame& top = stack.back();
    if (top.pending.empty() || !reopen(&top)) {
      stack.pop_back();
      continue;
    }
    const Pending child = std::move(top.pending.back());
    top.pending.pop_back();
    DirPtr dir;
    if (!postpone(child, *met)) dir = enter(*top.dir, child);
    if (top.pending.empty()) stack.pop_back();
    if (!dir) continue;
    Frame frame{std::move(dir), {}};
    list(&frame, true, met);
    if (frame.pending.empty()) continue;
    stack.push_back(std::move(frame));
    if (stack.size() > kHeldFrames) {
      stack[stack.size() - 1 - kHeldFrames].dir->fd = -1;
    }
  }
}

void Walker::everything(Met* met) {
  later_ = nullptr;
  met->entries.push_back(inspector_.inspect_root(root_));
  auto dir = open_root();
  if (!dir) return;
  Frame frame{std::move(dir), {}};
  list(&frame, true, met);
  walk(std::move(frame), met);
}

void Walker::leave_way() {
  way_.clear();
  steps_.clear();
}

// Leaves of the last one's way what is common, if that is held; else the root.
// False: that cannot be read.
bool Walker::begin_way(const std::vector<std::string_view>& names) {
  const auto parted =
      std::mismatch(way_.begin(), way_.end(), names.begin(), names.end());
  way_.erase(parted.first, way_.end());
  while (!steps_.empty() && steps_.back().depth > way_.size()) {
    steps_.pop_back();
  }
  if (!steps_.empty() && steps_.back().depth == way_.size()) {
    const UpperDir& last = *steps_.back().dir;
    // It may have been read: from the beginning again.
    if (last.carried || (last.fd >= 0 && ::lseek(last.fd, 0, SEEK_SET) == 0)) {
      return true;
    }
  }
  leave_way();
  auto root = open_root();
  if (!root) return false;
  steps_.push_back({0, std::move(root), inspector_.inspect_root(root_)});
  return true;
}

// Null when it is not there, or that is not known.
Walker::DirPtr Walker::find_directory(const PartialTask& task, Entry* self) {
  const auto names = task.directory.names();
  if (!begin_way(names)) return nullptr;
  while (way_.size() < names.size()) {
    const UpperDir& at = *steps_.back().dir;
    std::string name(names[way_.size()]);
    if (!single_component(name)) return nullptr;
    auto found = inspector_.inspect(at, name);
    if (!found || !*found) return nullptr;
    const Entry& entry = (*found)->entry;
    if (!entry.directory() || entry.whiteout || !(*found)->onward.enter) {
      return nullptr;
    }
    auto next = enter(at, pending(**found, false));
    if (!next) return nullptr;
    way_.push_back(std::move(name));
    steps_.push_back(
        {way_.size(), std::move(next), std::move((*found)->entry)});
    if (steps_.size() > kHeldSteps) steps_.erase(steps_.begin());
  }
  *self = steps_.back().self;
  if (!same_inode(steps_.back().dir->inode, task.inode)) return nullptr;
  return steps_.back().dir;
}

PartialResult::Directory Walker::part(const PartialTask& task,
                                      std::vector<InodeId>* later) {
  later_ = later;
  PartialResult::Directory out;
  out.inode = task.inode;
  out.full = task.full;
  auto dir = find_directory(task, &out.self);
  if (!dir) {
    out.stale = true;
    return out;
  }
  out.inode = dir->inode;
  if (!task.full) {
    look_at_names(std::move(dir), task, &out);
    return out;
  }
  Frame frame{std::move(dir), {}};
  // What could not be listed must not count as gone.
  out.full = list(&frame, false, &out);
  walk(std::move(frame), &out);
  return out;
}

void Walker::look_at_names(DirPtr dir, const PartialTask& task,
                           PartialResult::Directory* out) {
  Frame frame{std::move(dir), {}};
  for (const std::string& name : task.names) {
    if (stopping()) return;
    Tried<std::optional<Inspected>> found = std::nullopt;
    if (single_component(name))
      found = inspector_.inspect(*frame.dir, name, Found::reported);
    if (!found) continue;  // whatever is there stays as it was known
    seen_.asked(frame.dir->inode, name);
    if (!*found) {
      out->gone.push_back(name);
      continue;
    }
    take(&frame, **std::move(found), false, out);
  }
  walk(std::move(frame), out);
}

}  // namespace stillframe::drift
