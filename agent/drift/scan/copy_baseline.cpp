// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/copy_baseline.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "agent/model/inode_identity.h"

namespace stillframe::drift {
namespace {

bool same_by_stat(const struct stat& a, const struct stat& b,
                  const IdMaps& owners) {
  return a.st_mode == b.st_mode && same_owner(a, b, owners) &&
         a.st_rdev == b.st_rdev &&
         (S_ISDIR(a.st_mode) ||
          (a.st_size == b.st_size && wall(a.st_mtim) == wall(b.st_mtim)));
}

// The image's file of that name. There are no whiteouts in a copy.
Tried<std::optional<LowerHit>> find(const LowerView& view,
                                    const std::string& name) {
  if (view.merged.empty()) return std::nullopt;
  LowerHit hit;
  const LowerPath path(view.merged.front(), name);
  if (::fstatat(path.dir(), path.c_str(), &hit.st,
                AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
    if (means_gone(errno) || errno == ENAMETOOLONG) return std::nullopt;
    return failed("stat");
  }
  return hit;
}

// overlayfs' attributes mean nothing here.
Tried<UpperMarks> marks_of(const UpperFile& file) {
  auto names = XattrNames::of(proc_path(file.fd), true);
  if (!names) return failed(names);
  return UpperMarks{*std::move(names), {}, {}};
}

}  // namespace

class CopyBaseline::Directory : public Baseline::Dir {
 public:
  Directory(CopyBaseline& base, LowerView view, bool suspect)
      : base_(base), view_(std::move(view)), suspect_(suspect) {}

  Tried<bool> passes_over(int dir, const std::string& name) override;
  Tried<> compare(const UpperFile& file, const std::string& name, Entry* entry,
                  Onward* onward) override;
  Tried<std::optional<std::uint32_t>> gone(const std::string& name) override;
  Tried<std::vector<std::string>> missing(
      const std::vector<std::string>& names) override;
  Tried<std::unique_ptr<Dir>> enter(const std::string& name,
                                    const std::string& redirect, Onward onward,
                                    const struct stat& st) override;

 private:
  CopyBaseline& base_;
  LowerView view_;
  // It, or one on the way to it, may be another one than the image's, or its
  // names changed: look closely.
  bool suspect_;
};

CopyBaseline::CopyBaseline(const OverlayLayers& layers, ScanLimits limits,
                           WallTime since, const Clock& clock)
    : paths_(layers.lower),
      limits_(limits),
      owners_(layers.owners),
      comparer_(limits, OverlayPrefix::none, layers.owners),
      clock_(clock) {
  since_ = since;
}

bool CopyBaseline::begin(const RootFile& root, bool, std::stop_token stop,
                         Faults* faults) {
  dev_ = root.file.st.st_dev;
  image_.emplace(paths_, std::vector<std::string>(), true, OverlayPrefix::none,
                 faults);
  // Without it, everything would seem to be new.
  if (!image_->usable() || image_->root().merged.empty()) {
    image_.reset();
    return false;
  }
  stop_ = stop;
  comparer_.begin(root.path, ctime_shows_stores(root.fs_magic), clock_.wall(),
                  std::move(stop));
  return true;
}

void CopyBaseline::end(bool everything) {
  comparer_.end(everything);
  image_.reset();
}

std::unique_ptr<Baseline::Dir> CopyBaseline::root() {
  // It is the same one always, its names may not be.
  return std::make_unique<Directory>(*this, image_->root(), true);
}

Tried<> CopyBaseline::compare_root(const RootFile& root, Entry* entry) {
  const LowerView view = image_->root();
  const auto hit = find(view, ".");
  if (!hit) return failed(hit);
  const auto marks = marks_of(root.file);
  if (!marks) return failed(marks);
  Tried<> compared;
  if (*hit) {
    compared = comparer_.compare(root.file, *marks,
                                 {&view, **hit, ".", nullptr}, entry);
  }
  entry->differs.time = false;
  if (entry->differs.any_metadata()) entry->change = Change::changed;
  return compared;
}

Tried<bool> CopyBaseline::Directory::passes_over(int dir,
                                                 const std::string& name) {
  struct stat st{};
  const auto found = base_.look(dir, name, &st);
  if (!found) return failed(found);
  if (*found != Look::there) return *found == Look::elsewhere;
  if (S_ISDIR(st.st_mode) || base_.late(st.st_ctim)) return false;
  if (!suspect_) return true;
  const auto hit = find(view_, name);
  if (!hit) return failed(hit);
  return *hit && same_by_stat(st, (*hit)->st, base_.owners_);
}

Tried<> CopyBaseline::Directory::compare(const UpperFile& file,
                                         const std::string& name, Entry* entry,
                                         Onward* onward) {
  const bool directory = S_ISDIR(file.st.st_mode);
  onward->suspect = base_.late(file.st.st_ctim) || suspect_;
  onward->enter = true;
  if (directory && !onward->suspect) return {};
  const auto hit = find(view_, name);
  if (!hit) return failed(hit);
  if (!*hit) {
    entry->change = Change::added;
    return {};
  }
  const auto marks = marks_of(file);
  if (!marks) return failed(marks);
  const auto compared = base_.comparer_.compare(
      file, *marks, {&view_, **hit, name, nullptr}, entry);
  const Difference& d = entry->differs;
  // podman compares extended attributes, too, where it compares two trees.
  entry->stat_differs |= d.xattr;
  if (!directory || d.type || d.any_metadata()) {
    entry->change = Change::changed;
  }
  return compared;
}

Tried<std::optional<std::uint32_t>> CopyBaseline::Directory::gone(
    const std::string& name) {
  const auto hit = find(view_, name);
  if (!hit) return failed(hit);
  if (!*hit) return std::nullopt;
  return (*hit)->st.st_mode;
}

Tried<std::vector<std::string>> CopyBaseline::Directory::missing(
    const std::vector<std::string>& names) {
  if (!suspect_) return std::vector<std::string>();
  auto before =
      LowerLayers::names(view_.merged, base_.limits_.max_entries, base_.stop_);
  if (!before) return before;
  const std::unordered_set<std::string_view> now(names.begin(), names.end());
  std::erase_if(*before, [&](const auto& one) { return now.contains(one); });
  return before;
}

Tried<std::unique_ptr<Baseline::Dir>> CopyBaseline::Directory::enter(
    const std::string& name, const std::string&, Onward onward,
    const struct stat& st) {
  if (!base_.of_rootfs(st)) return nullptr;
  auto view = base_.image_->enter(view_, name);
  if (!view) return failed(view);
  return std::make_unique<Directory>(base_, *std::move(view), onward.suspect);
}

}  // namespace stillframe::drift
