// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/inventory_baseline.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "agent/base/log.h"
#include "agent/base/text.h"

namespace stillframe::drift {
namespace {

// Whether it was made since; where the filesystem does not say, no.
Tried<bool> born_later(int dir, const char* name, int flags, WallTime since) {
  struct statx sx{};
  if (::statx(dir, name, flags, STATX_BTIME, &sx) != 0) {
    return failed("statx");
  }
  return (sx.stx_mask & STATX_BTIME) != 0 &&
         wall({sx.stx_btime.tv_sec, sx.stx_btime.tv_nsec}) > since;
}

// Scratch places, where files come and go with everything that runs.
bool is_scratch(std::string_view path) {
  constexpr std::array kScratch = {"/tmp", "/var/tmp", "/run", "/var/run",
                                   "/dev"};
  return std::any_of(
      kScratch.begin(), kScratch.end(), [&](std::string_view place) {
        return path == place || starts_with(path, std::string(place) + "/");
      });
}

constexpr const char* kLost =
    "what this rootfs held when it was first looked at is lost: its inventory "
    "was damaged";

}  // namespace

class InventoryBaseline::Directory : public Baseline::Dir {
 public:
  Directory(InventoryBaseline& base, Inventory::Directory known,
            Inventory::Directory above, std::string name, bool suspect)
      : base_(base),
        known_(known),
        above_(above),
        name_(std::move(name)),
        suspect_(suspect) {}

  Tried<bool> passes_over(int dir, const std::string& name) override;
  Tried<> compare(const UpperFile& file, const std::string& name, Entry* entry,
                  Onward* onward) override;
  Tried<std::optional<std::uint32_t>> gone(const std::string& name) override;
  Tried<> listed(int dir, const std::vector<std::string>& names) override;
  Tried<std::vector<std::string>> missing(
      const std::vector<std::string>& names) override;
  void compared(const UpperFile& dir, const std::string& path,
                const std::deque<Entry>& entries, std::size_t first) override;
  Tried<std::unique_ptr<Dir>> enter(const std::string& name,
                                    const std::string& redirect, Onward onward,
                                    const struct stat& st) override;

 private:
  InventoryBaseline& base_;
  Inventory::Directory known_;  // the same one in the inventory
  Inventory::Directory above_;  // its parent's, and its name there
  std::string name_;
  bool suspect_;  // another one than the inventory's, or its names changed
};

bool InventoryBaseline::begin(const RootFile& root, bool full,
                              std::stop_token stop, Faults* faults) {
  dev_ = root.file.st.st_dev;
  rootfs_ = root.path;
  stop_ = std::move(stop);
  building_ = false;
  if (!inventory_) {
    auto kept = Inventory::load(start_.inventory, root.inode);
    const bool damaged = !kept && kept.error().code == EBADMSG;
    damaged_ = damaged_ || damaged;
    if (!kept && !damaged) {
      faults->add(start_.inventory, {"read inventory", kept.error().code});
      return false;
    }
    if (kept) inventory_ = *std::move(kept);
  }
  if (!inventory_) {
    if (!full) return false;
    // Should this scan not come to its end, the next one starts from there.
    if (start_.since.ns == 0) start_.since = clock_.wall();
    inventory_.emplace(root.inode, start_.since);
    inventory_->set_top(root.file.st);
    if (damaged_) inventory_->unknowable = kLost;
    building_ = true;
  }
  since_ = inventory_->since();
  return true;
}

void InventoryBaseline::end(bool everything) {
  if (!std::exchange(building_, false)) return;
  if (!everything) {
    inventory_.reset();  // it lacks what could not be read
    return;
  }
  if (!inventory_->unknowable.empty()) {
    log_warn("what a rootfs held cannot be known",
             {{"rootfs", rootfs_},
              {"what", inventory_->unknowable},
              {"hint", "replace the container while the agent runs"}});
  }
  if (auto saved = inventory_->save(start_.inventory); !saved) {
    log_warn(
        "a rootfs' inventory cannot be kept: after a restart of the agent "
        "deletions made by now are not known",
        {{"error", saved.error()}});
  }
}

std::unique_ptr<Baseline::Dir> InventoryBaseline::root() {
  // It is the same one always, its names may not be.
  return std::make_unique<Directory>(*this, inventory_->root(),
                                     Inventory::kNone, "", true);
}

Tried<> InventoryBaseline::compare_root(const RootFile& root, Entry* entry) {
  if (!building_) compare_known(root.file.st, inventory_->top(), false, entry);
  entry->differs.time = false;
  return {};
}

// The inventory says little: what changed is said to be changed, in which way
// only where that is sure.
void InventoryBaseline::compare_known(
    const struct stat& st, const std::optional<Inventory::Item>& known,
    bool another, Entry* entry) const {
  if (!known) {
    entry->change = Change::added;
    return;
  }
  Difference& d = entry->differs;
  d.type = (st.st_mode & S_IFMT) != (known->mode & S_IFMT);
  d.mode = !d.type && (st.st_mode & 07777) != (known->mode & 07777);
  d.owner = !d.type && (st.st_uid != known->uid || st.st_gid != known->gid);
  const bool changed = late(st.st_ctim);
  if (!S_ISDIR(st.st_mode)) {
    d.unknown = !d.type && (changed || another);
  } else if (!d.type) {
    d.opaque = another;
    // An entry made or removed sets both times to the same instant; anything
    // else that sets ctime is about the directory itself.
    const bool entries = wall(st.st_ctim) == wall(st.st_mtim);
    d.time = changed && entries;
    d.unknown = changed && !entries && !another && !d.mode && !d.owner;
  }
  if (d.type || d.any_metadata() || d.unknown || d.opaque) {
    entry->change = Change::changed;
    entry->stat_differs = true;
  }
}

Tried<bool> InventoryBaseline::Directory::passes_over(int dir,
                                                      const std::string& name) {
  struct stat st{};
  const auto found = base_.look(dir, name, &st);
  if (!found) return failed(found);
  if (*found != Look::there) return *found == Look::elsewhere;
  if (S_ISDIR(st.st_mode) || base_.late(st.st_ctim)) return false;
  const auto known = base_.inventory_->find(known_, name);
  return known && known->ino == st.st_ino;
}

Tried<> InventoryBaseline::Directory::compare(const UpperFile& file,
                                              const std::string& name,
                                              Entry* entry, Onward* onward) {
  const auto known = base_.inventory_->find(known_, name);
  const auto another = base_.is_another(file, known);
  if (!another) return failed(another);
  base_.compare_known(file.st, known, *another, entry);
  onward->enter = true;
  onward->suspect = base_.late(file.st.st_ctim) || !known || *another;
  return {};
}

// Whether it is not the one that the inventory has there. A directory that is
// made where one was just removed may be given its inode number.
Tried<bool> InventoryBaseline::is_another(
    const UpperFile& file, const std::optional<Inventory::Item>& known) const {
  if (!known) return false;
  if (file.st.st_ino != known->ino) return true;
  if (!S_ISDIR(file.st.st_mode) || !late(file.st.st_ctim)) return false;
  return born_later(file.fd, "", AT_EMPTY_PATH, since_);
}

Tried<std::optional<std::uint32_t>> InventoryBaseline::Directory::gone(
    const std::string& name) {
  const auto known = base_.inventory_->find(known_, name);
  if (!known) return std::nullopt;
  return known->mode;
}

// The scan that makes the inventory: this directory's part of it.
Tried<> InventoryBaseline::Directory::listed(
    int dir, const std::vector<std::string>& names) {
  if (!base_.building_) return {};
  auto items = base_.present(dir, names);
  if (!items) return failed(items);
  known_ = base_.inventory_->add(above_, name_, *std::move(items));
  return {};
}

// What the image held of these, as far as can be said now.
Tried<std::vector<Inventory::Item>> InventoryBaseline::present(
    int dir, const std::vector<std::string>& names) const {
  std::vector<Inventory::Item> items;
  for (const std::string& name : names) {
    if (stop_.stop_requested()) return failed("stopped", ECANCELED);
    struct stat st{};
    const auto found = look(dir, name, &st);
    if (!found) return failed(found);
    if (*found != Look::there) continue;
    if (late(st.st_ctim)) {
      const auto born = born_later(
          dir, name.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, since_);
      if (!born && !means_gone(born.error().code)) return failed(born);
      if (!born || *born) continue;
    }
    items.push_back(Inventory::item(name, st));
  }
  return items;
}

Tried<std::vector<std::string>> InventoryBaseline::Directory::missing(
    const std::vector<std::string>& names) {
  if (!suspect_) return std::vector<std::string>();
  auto before = base_.inventory_->names(known_);
  const std::unordered_set<std::string_view> now(names.begin(), names.end());
  std::erase_if(before, [&](const auto& one) { return now.contains(one); });
  return before;
}

// Whether names were removed before the inventory was made: a directory whose
// entries changed although nothing was added to it.
void InventoryBaseline::Directory::compared(const UpperFile& dir,
                                            const std::string& path,
                                            const std::deque<Entry>& entries,
                                            std::size_t first) {
  const struct stat& st = dir.st;
  if (!base_.building_ || known_ == Inventory::kNone ||
      !base_.inventory_->unknowable.empty() || !base_.late(st.st_mtim) ||
      wall(st.st_mtim) != wall(st.st_ctim) || is_scratch(path)) {
    return;
  }
  if (path.empty() && wall(st.st_mtim) <= base_.start_.prepared) return;
  for (std::size_t i = first; i < entries.size(); ++i) {
    if (entries[i].change == Change::added) return;
  }
  base_.inventory_->unknowable =
      "something may have been removed from " +
      display(path.empty() ? "/" : path) +
      " before this rootfs was first looked at: there is no image to compare "
      "it with";
}

Tried<std::unique_ptr<Baseline::Dir>> InventoryBaseline::Directory::enter(
    const std::string& name, const std::string&, Onward onward,
    const struct stat& st) {
  if (!base_.of_rootfs(st)) return nullptr;
  const auto known = base_.inventory_->find(known_, name);
  return std::make_unique<Directory>(
      base_, known ? known->directory : Inventory::kNone, known_, name,
      onward.suspect);
}

}  // namespace stillframe::drift
