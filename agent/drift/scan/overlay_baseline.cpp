// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/overlay_baseline.h"

#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "agent/model/inode_identity.h"

namespace stillframe::drift {
namespace {

// podman's line, as pkg/archive of containers/storage decides it for an overlay
// upper directory: stat(2) of the path in one lower layer after the other.
Change podman_line(const struct stat& upper, bool opaque,
                   const std::optional<struct stat>& lower) {
  if (!lower) return Change::added;
  if (S_ISDIR(upper.st_mode) && opaque) return Change::deleted;
  if (S_ISDIR(upper.st_mode) && S_ISDIR(lower->st_mode) &&
      upper.st_size == lower->st_size && upper.st_mode == lower->st_mode &&
      same_tar_time(upper.st_mtim, lower->st_mtim)) {
    return Change::none;
  }
  return Change::changed;
}

Tried<UpperMarks> marks_of(const UpperFile& file) {
  auto names = XattrNames::of(proc_path(file.fd), true);
  if (!names) return failed(names);
  auto marks = overlay_marks(*names);
  if (!marks) return failed(marks);
  return UpperMarks{*std::move(names), *std::move(marks)};
}

}  // namespace

class OverlayBaseline::Directory : public Baseline::Dir {
 public:
  Directory(OverlayBaseline& base, LowerView view, bool pure)
      : base_(base), view_(std::move(view)), pure_(pure) {}

  Tried<> compare(const UpperFile& file, const std::string& name, Entry* entry,
                  Onward* onward) override;
  Tried<std::unique_ptr<Dir>> enter(const std::string& name,
                                    const std::string& redirect, Onward onward,
                                    const struct stat& st) override;

 private:
  Tried<> compare_whiteout(const std::string& name, Entry* entry);
  Tried<> note_hidden(const UpperFile& file, const std::string& name,
                      Entry* entry);

  OverlayBaseline& base_;
  LowerView view_;
  // Nothing of the lower layers shines through: it is opaque or lies in an
  // opaque one. Its entries are compared with the image anyway.
  bool pure_;
};

bool OverlayBaseline::begin(const RootFile& root, bool, std::stop_token stop,
                            Faults* faults) {
  layers_.emplace(paths_, faults);
  if (!layers_->usable()) {
    layers_.reset();
    return false;
  }
  stop_ = stop;
  comparer_.begin(ctime_shows_stores(root.fs_magic), clock_.wall(),
                  std::move(stop));
  return true;
}

void OverlayBaseline::end(bool everything) {
  comparer_.end(everything);
  layers_.reset();
}

std::unique_ptr<Baseline::Dir> OverlayBaseline::root() {
  return std::make_unique<Directory>(*this, layers_->root(), false);
}

Tried<> OverlayBaseline::compare_root(const RootFile& root, Entry* entry) {
  const LowerView view = layers_->root();
  if (view.merged.empty()) return {};
  const auto marks = marks_of(root.file);
  if (!marks) return failed(marks);
  const auto hit = LowerLayers::find(view, ".");
  if (!hit) return failed(hit);
  Tried<> compared;
  if (*hit) {
    compared = comparer_.compare(root.file, *marks, {&view, **hit, "."}, entry);
  }
  // The runtime makes the upper root: its mtime says nothing of the container.
  entry->differs.time = false;
  if (entry->differs.any_metadata()) entry->change = Change::changed;
  return compared;
}

Tried<> OverlayBaseline::Directory::compare_whiteout(const std::string& name,
                                                     Entry* entry) {
  entry->shown_by_runtime = Change::deleted;
  const auto hit = LowerLayers::find(view_, name);
  if (!hit) return failed(hit);
  if (*hit) {
    entry->change = Change::deleted;
    entry->mode = (*hit)->st.st_mode;
  }
  return {};
}

Tried<> OverlayBaseline::Directory::compare(const UpperFile& file,
                                            const std::string& name,
                                            Entry* entry, Onward* onward) {
  if (entry->whiteout) return compare_whiteout(name, entry);
  const bool directory = S_ISDIR(file.st.st_mode);
  const auto own = marks_of(file);
  if (!own) return failed(own);
  const OverlayMarks& marks = own->marks;
  entry->metacopy = marks.metacopy;
  const bool absolute = !marks.redirect.empty() && marks.redirect[0] == '/';
  const bool redirects =
      !marks.redirect.empty() && !marks.opaque && (absolute || !pure_);
  if (!marks.redirect.empty() && (redirects || marks.metacopy)) {
    entry->redirect = std::make_shared<const std::string>(marks.redirect);
  }
  onward->pure = directory && (marks.opaque || (pure_ && !redirects));
  onward->enter = true;

  const auto hit = LowerLayers::find(view_, name);
  if (!hit) return failed(hit);
  const auto literal = LowerLayers::find_literal(view_, name);
  if (!literal) return failed(literal);
  entry->shown_by_runtime =
      podman_line(file.st, marks.trusted_opaque, *literal);
  if (!*hit) {
    entry->change = Change::added;
    return {};
  }
  const auto compared =
      base_.comparer_.compare(file, *own, {&view_, **hit, name}, entry);
  Difference& differs = entry->differs;
  if (!directory || differs.type) {
    entry->change = Change::changed;
    return compared;
  }
  differs.opaque = onward->pure || redirects;
  if (differs.any_metadata() || differs.opaque) entry->change = Change::changed;
  if (!compared || !differs.opaque) return compared;
  return note_hidden(file, name, entry);
}

Tried<> OverlayBaseline::Directory::note_hidden(const UpperFile& file,
                                                const std::string& name,
                                                Entry* entry) {
  const auto below = base_.layers_->enter(view_, name, "");
  if (!below) return failed(below);
  auto names =
      LowerLayers::names(*below, base_.limits_.max_entries, base_.stop_);
  if (!names) return failed(names);
  std::vector<std::string> hidden;
  for (std::string& one : *names) {
    struct stat st{};
    if (::fstatat(file.fd, one.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) {
      continue;
    }
    if (!means_gone(errno)) return failed("stat");
    hidden.push_back(std::move(one));
  }
  if (hidden.empty()) return {};
  entry->hidden =
      std::make_shared<const std::vector<std::string>>(std::move(hidden));
  return {};
}

Tried<std::unique_ptr<Baseline::Dir>> OverlayBaseline::Directory::enter(
    const std::string& name, const std::string& redirect, Onward onward,
    const struct stat&) {
  auto view = base_.layers_->enter(view_, name, redirect);
  if (!view) return failed(view);
  return std::make_unique<Directory>(base_, *std::move(view), onward.pure);
}

}  // namespace stillframe::drift
