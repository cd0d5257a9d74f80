// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/scanner.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "agent/base/inode_identity.h"
#include "agent/base/log.h"
#include "agent/base/text.h"
#include "agent/drift/scan/inspect.h"
#include "agent/drift/scan/seen_directories.h"

namespace stillframe::drift {
namespace {

// An upper directory on the way down, and what is still to be visited in it.
struct Frame {
  struct Pending {
    std::string name;
    std::string redirect;
    InodeId inode;
    bool pure = false;
    bool suspect = false;
  };
  UpperDir dir;
  std::vector<Pending> pending;

  std::size_t descriptors() const {
    return 1 + dir.view.merged.size() + dir.view.literal.size();
  }
};

std::size_t descriptor_budget() {
  struct rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 256;
  return std::clamp<std::size_t>(limit.rlim_cur / 4, 256, 4096);
}

bool same(const InodeId& a, const InodeId& b) {
  return a.ino == b.ino && (a.generation == 0 || b.generation == 0 ||
                            a.generation == b.generation);
}

bool single_component(const std::string& name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

}  // namespace

struct Scanner::Impl {
  OverlayLayers layers;
  ScanLimits limits;
  Inspector inspector;
  Start start;
  std::optional<Inventory> inventory;  // of a plain rootfs that is no copy
  SeenDirectories seen;

  // Of the scan under way.
  std::stop_token stop;
  std::unique_ptr<LowerLayers> lower;
  long fs_magic = 0;
  bool complete = true;
  std::optional<PlainRootfs> plain;

  Impl(OverlayLayers l, Registrar registrar, ScanLimits lim, Start s)
      : layers(std::move(l)),
        limits(lim),
        inspector(std::move(registrar), lim),
        start(std::move(s)) {}

  void begin_plain(const struct stat& st, UpperDir* root);
  void take_inventory(UpperDir* dir, const std::vector<DirectoryName>& names);
  void judge_names(const UpperDir& dir, const std::vector<Entry>& entries,
                   std::size_t first);
  bool begin(std::vector<std::string>* errors, UpperDir* root);
  void end(bool full);
  std::optional<UpperDir> enter(const UpperDir& parent,
                                const Frame::Pending& child);
  bool list(Frame* frame, bool descend_all, std::vector<Entry>* entries);
  void walk(Frame first, std::vector<Entry>* entries);
  void subtree(const UpperDir& parent, const Frame::Pending& child,
               std::vector<Entry>* entries);
  PartialResult::Directory part(const UpperDir& root, const PartialTask& task);
  bool find_directory(const UpperDir& root, const PartialTask& task,
                      Frame* found, Entry* self);
};

bool Scanner::Impl::begin(std::vector<std::string>* errors, UpperDir* root) {
  complete = true;
  lower = std::make_unique<LowerLayers>(layers.lower, errors);
  if (!errors->empty()) complete = false;
  root->fd = ::open(layers.upper.c_str(),
                    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOATIME);
  if (root->fd < 0 && errno == EPERM) {
    root->fd = ::open(layers.upper.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }
  struct stat st{};
  if (root->fd < 0 || ::fstat(root->fd, &st) != 0) {
    errors->push_back("upper directory " + layers.upper + ": " +
                      std::strerror(errno));
    complete = false;
    return false;
  }
  fs_magic = fs_magic_of(root->fd);
  root->inode = inode_id(root->fd, st, fs_magic);
  root->view = lower->root();
  inspector.begin(fs_magic, lower.get(), errors);
  if (layers.plain) begin_plain(st, root);
  return true;
}

void Scanner::Impl::begin_plain(const struct stat& st, UpperDir* root) {
  plain.emplace();
  plain->dev = st.st_dev;
  if (layers.lower.empty() && !inventory) {
    inventory = Inventory::load(start.inventory, root->inode);
  }
  if (layers.lower.empty() && !inventory) {
    inventory.emplace(root->inode,
                      start.since.ns != 0 ? start.since : wall_now());
    inventory->set_top(st);
    plain->building = true;
  }
  if (inventory) {
    plain->inventory = &*inventory;
    plain->since = inventory->since();
    root->known = inventory->root();
  } else {
    plain->since = start.since;
  }
  root->suspect = true;  // it is the same one always, its names may not be
  inspector.set_plain(&*plain);
}

// The scan that makes the inventory: this directory's part of it.
void Scanner::Impl::take_inventory(UpperDir* dir,
                                   const std::vector<DirectoryName>& names) {
  dir->known =
      inventory->add(dir->above, dir->name, inspector.present(*dir, names));
}

// Whether names were removed before the inventory was made: a directory whose
// entries changed although nothing was added to it. Scratch places are left
// out, where files come and go with everything that runs.
void Scanner::Impl::judge_names(const UpperDir& dir,
                                const std::vector<Entry>& entries,
                                std::size_t first) {
  constexpr std::array kScratch = {"/tmp", "/var/tmp", "/run", "/var/run",
                                   "/dev"};
  struct stat st{};
  if (dir.known == Inventory::kNone || !inventory->unknowable.empty() ||
      ::fstat(dir.fd, &st) != 0 || wall(st.st_mtim) <= plain->since ||
      wall(st.st_mtim) != wall(st.st_ctim)) {
    return;
  }
  for (const std::string_view place : kScratch) {
    if (dir.path == place || starts_with(dir.path, std::string(place) + "/")) {
      return;
    }
  }
  for (std::size_t i = first; i < entries.size(); ++i) {
    if (entries[i].change == Change::added) return;
  }
  inventory->unknowable =
      "something may have been removed from " +
      display(dir.path.empty() ? "/" : dir.path) +
      " before this rootfs was first looked at: there is no image to compare "
      "it with";
}

void Scanner::Impl::end(bool full) {
  if (inspector.troubles() != 0) complete = false;
  inspector.end(full);
  lower.reset();
  if (!plain || !plain->building) return;
  if (full && !inventory->unknowable.empty()) {
    log_warn("what a rootfs held cannot be known",
             {{"rootfs", layers.upper},
              {"what", inventory->unknowable},
              {"hint", "replace the container while the agent runs"}});
  }
  if (!full) {
    inventory.reset();  // not whole
  } else if (auto saved = inventory->save(start.inventory); !saved) {
    log_warn(
        "a rootfs' inventory cannot be kept: after a restart of the agent "
        "deletions made by now are not known",
        {{"error", saved.error()}});
  }
  plain->building = false;
}

// None when the directory is not there any more: whoever changed that changed
// the parent too, which is registered already.
std::optional<UpperDir> Scanner::Impl::enter(const UpperDir& parent,
                                             const Frame::Pending& child) {
  UpperDir dir;
  dir.path = parent.path + "/" + child.name;
  dir.fd = open_directory(parent.fd, child.name.c_str());
  struct stat st{};
  if (dir.fd < 0 || ::fstat(dir.fd, &st) != 0) {
    if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP) {
      inspector.trouble(dir.path, "open", errno);
    }
    return std::nullopt;
  }
  dir.inode = inode_id(dir.fd, st, fs_magic);
  if (!same(dir.inode, child.inode)) return std::nullopt;
  dir.pure = child.pure;
  if (plain) {
    if (st.st_dev != plain->dev) return std::nullopt;
    dir.name = child.name;
    dir.above = parent.known;
    dir.depth = parent.depth + 1;
    dir.suspect = child.suspect;
    if (inventory) {
      const auto known = inventory->find(parent.known, child.name);
      if (known) dir.known = known->directory;
      return dir;
    }
  }
  dir.view = lower->enter(parent.view, child.name, child.redirect);
  return dir;
}

// Reads a directory: its entries go to `entries`, directories that are to be
// entered to frame->pending. False when not all of them could be read.
bool Scanner::Impl::list(Frame* frame, bool descend_all,
                         std::vector<Entry>* entries) {
  const std::size_t room =
      limits.max_entries - std::min(limits.max_entries, entries->size());
  const std::size_t troubles = inspector.troubles();
  int error = 0;
  const auto names = read_names(frame->dir.fd, room, &error);
  if (error == EFBIG) {
    complete = false;
    inspector.trouble(frame->dir.path, "too many entries", 0);
  } else if (error != 0 && error != ENOENT) {
    inspector.trouble(frame->dir.path, "read", error);
  }
  if (plain && plain->building) take_inventory(&frame->dir, names);
  const std::size_t first = entries->size();
  const auto take = [&](const std::string& name) {
    auto found = inspector.inspect(frame->dir, name);
    if (!found) return;
    const Entry& entry = found->entry;
    if (entry.directory() && !entry.whiteout) {
      const bool known = seen.met(entry);
      if (descend_all || !known) {
        frame->pending.push_back({entry.name, entry.redirect, entry.inode,
                                  found->pure, found->suspect});
      }
    }
    entries->push_back(std::move(found->entry));
  };
  for (const DirectoryName& one : names) {
    if (stop.stop_requested()) return false;
    take(one.name);
  }
  if (plain && error == 0) {
    for (const auto& name : inspector.missing(frame->dir, names)) take(name);
    if (plain->building) judge_names(frame->dir, *entries, first);
  }
  if (inspector.troubles() != troubles) return false;
  seen.read(frame->dir.inode);
  seen.listed(frame->dir.inode);
  return true;
}

// Everything below a directory, which itself has been listed. Iterates: how
// deep it goes is the container's choice. A directory is let go of before its
// last subdirectory is entered, so that a mere chain takes no descriptors.
void Scanner::Impl::walk(Frame first, std::vector<Entry>* entries) {
  const std::size_t budget = descriptor_budget() + first.descriptors();
  std::size_t open = first.descriptors();
  std::vector<Frame> stack;
  stack.push_back(std::move(first));
  while (!stack.empty() && !stop.stop_requested()) {
    Frame& top = stack.back();
    if (top.pending.empty()) {
      open -= top.descriptors();
      stack.pop_back();
      continue;
    }
    const Frame::Pending child = std::move(top.pending.back());
    top.pending.pop_back();
    if (open + top.descriptors() > budget) {
      inspector.trouble(top.dir.path + "/" + child.name,
                        "nested too deeply to be read", 0);
      continue;
    }
    auto dir = enter(top.dir, child);
    if (top.pending.empty()) {
      open -= top.descriptors();
      stack.pop_back();
    }
    if (!dir) continue;
    Frame frame{*std::move(dir), {}};
    list(&frame, true, entries);
    if (frame.pending.empty()) continue;
    open += frame.descriptors();
    stack.push_back(std::move(frame));
  }
}

void Scanner::Impl::subtree(const UpperDir& parent, const Frame::Pending& child,
                            std::vector<Entry>* entries) {
  auto dir = enter(parent, child);
  if (!dir) return;
  Frame frame{*std::move(dir), {}};
  list(&frame, true, entries);
  walk(std::move(frame), entries);
}

bool Scanner::Impl::find_directory(const UpperDir& root,
                                   const PartialTask& task, Frame* found,
                                   Entry* self) {
  // The root's descriptor is used by each task: read from it through another.
  found->dir.fd = open_directory(root.fd, ".");
  found->dir.inode = root.inode;
  found->dir.view = root.view;
  found->dir.pure = root.pure;
  found->dir.known = root.known;
  found->dir.suspect = root.suspect;
  *self = inspector.inspect_root(root);
  for (const std::string& part : split(task.directory, '/')) {
    if (part.empty()) continue;
    if (!single_component(part)) return false;
    auto entry = inspector.inspect(found->dir, part);
    if (!entry || !entry->entry.directory() || entry->entry.whiteout) {
      return false;
    }
    *self = std::move(entry->entry);
    auto dir = enter(found->dir, {part, self->redirect, self->inode,
                                  entry->pure, entry->suspect});
    if (!dir) return false;
    found->dir = *std::move(dir);
  }
  return found->dir.fd >= 0 && same(found->dir.inode, task.inode);
}

PartialResult::Directory Scanner::Impl::part(const UpperDir& root,
                                             const PartialTask& task) {
  PartialResult::Directory out;
  out.inode = task.inode;
  out.full = task.full;
  Frame frame;
  if (!find_directory(root, task, &frame, &out.self)) {
    out.stale = true;
    return out;
  }
  out.inode = frame.dir.inode;
  if (task.full) {
    // What could not be listed must not count as gone.
    out.full = list(&frame, false, &out.entries);
    walk(std::move(frame), &out.entries);
    return out;
  }
  for (const std::string& name : task.names) {
    if (stop.stop_requested()) return out;
    const std::size_t troubles = inspector.troubles();
    std::optional<Inspected> found;
    if (single_component(name)) found = inspector.inspect(frame.dir, name);
    if (!found) {
      // What cannot be read is there anyway.
      if (inspector.troubles() != troubles) continue;
      out.gone.push_back(name);
      seen.asked(frame.dir.inode, name);
      continue;
    }
    seen.asked(frame.dir.inode, name);
    const Entry entry = found->entry;
    out.entries.push_back(std::move(found->entry));
    if (!entry.directory() || entry.whiteout) continue;
    if (seen.met(entry)) continue;
    subtree(frame.dir,
            {name, entry.redirect, entry.inode, found->pure, found->suspect},
            &out.entries);
  }
  return out;
}

Scanner::Scanner(OverlayLayers layers, Registrar registrar, ScanLimits limits,
                 Start start)
    : impl_(std::make_unique<Impl>(std::move(layers), std::move(registrar),
                                   limits, std::move(start))) {}
Scanner::~Scanner() = default;

const OverlayLayers& Scanner::layers() const { return impl_->layers; }

ScanResult Scanner::scan(std::stop_token stop) {
  ScanResult out;
  out.started_boot_ns = boottime_now_ns();
  impl_->stop = std::move(stop);
  impl_->seen.clear();
  impl_->seen.begin();
  Frame root;
  if (impl_->begin(&out.errors, &root.dir)) {
    out.root = root.dir.inode;
    out.entries.push_back(impl_->inspector.inspect_root(root.dir));
    impl_->list(&root, true, &out.entries);
    impl_->walk(std::move(root), &out.entries);
    impl_->end(!impl_->stop.stop_requested());
  }
  if (impl_->stop.stop_requested()) {
    out.stopped = true;
    out.entries.clear();
    impl_->complete = false;
    impl_->seen.clear();
  }
  out.complete = impl_->complete;
  out.plain = impl_->layers.plain;
  if (impl_->inventory) out.unknowable = impl_->inventory->unknowable;
  impl_->lower.reset();
  out.duration_ns = boottime_now_ns() - out.started_boot_ns;
  return out;
}

PartialResult Scanner::scan(const std::vector<PartialTask>& tasks,
                            std::stop_token stop) {
  PartialResult out;
  out.started_boot_ns = boottime_now_ns();
  impl_->stop = std::move(stop);
  impl_->seen.begin();
  UpperDir root;
  if (impl_->begin(&out.errors, &root)) {
    for (const PartialTask& task : tasks) {
      out.directories.push_back(impl_->part(root, task));
    }
    impl_->end(false);
    impl_->seen.end();
  }
  if (impl_->stop.stop_requested()) {
    out.stopped = true;
    out.directories.clear();
    impl_->complete = false;
    impl_->seen.clear();
  }
  out.complete = impl_->complete;
  impl_->lower.reset();
  out.duration_ns = boottime_now_ns() - out.started_boot_ns;
  return out;
}

}  // namespace stillframe::drift
