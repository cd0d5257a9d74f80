// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/overlay_baseline.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <unordered_set>
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

bool same_places(const std::vector<LowerDir>& a,
                 const std::vector<LowerDir>& b) {
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(),
      [](const auto& one, const auto& two) { return one.same_place(two); });
}

// Where a directory's contents come from: see IndexLinks.
std::string joined(const std::string& dir, const std::string& name) {
  if (!name.empty() && name.front() == '/') return name;
  return dir + "/" + name;
}

}  // namespace

class OverlayBaseline::Directory : public Baseline::Dir {
 public:
  // What overlay merges into a directory of the upper one, and what the image
  // has at its path, which is what everything is compared with. They are the
  // same unless the directory, or one above it, is opaque or came from
  // elsewhere.
  struct Below {
    LowerView image;
    std::optional<std::vector<LowerDir>> source;  // none: the same
    std::string origin;                           // its path in the layers
  };

  Directory(OverlayBaseline& base, Below below)
      : base_(base), below_(std::move(below)) {}

  // Where something else shines through, an entry may have come along with it.
  bool compares_with_image_alone() const override {
    return !below_.source && !base_.redirects_;
  }
  Tried<bool> is_new(const std::string& name, const struct stat& st,
                     Entry* entry) override;
  Tried<> compare(const UpperFile& file, const std::string& name, Entry* entry,
                  Onward* onward) override;
  Tried<std::optional<Shone>> shone(const std::string& name) override;
  Tried<std::vector<std::string>> missing(
      const std::vector<std::string>& names) override;
  Tried<std::unique_ptr<Dir>> enter(const std::string& name,
                                    const std::string& redirect, Onward onward,
                                    const struct stat& st) override;

 private:
  const std::vector<LowerDir>& source() const {
    return below_.source ? *below_.source : below_.image.merged;
  }
  bool pure() const { return below_.source && below_.source->empty(); }

  Tried<Below> child(const std::string& name, const std::string& redirect,
                     bool pure) const;
  Tried<> note_podman_line(const std::string& name, const struct stat& st,
                           bool opaque, Entry* entry) const;
  Tried<> compare_whiteout(const std::string& name, Entry* entry);
  Tried<> compare_with(const LowerHit& hit, const UpperFile& file,
                       UpperMarks marks, const std::string& name, Entry* entry);
  Tried<> note_hidden(const UpperFile& file, const Below& below, Entry* entry);

  OverlayBaseline& base_;
  Below below_;
};

Tried<UpperMarks> OverlayBaseline::marks_of(const UpperFile& file) const {
  auto names = XattrNames::of(proc_path(file.fd), true);
  if (!names) return failed(names);
  auto marks = overlay_marks(*names, prefix_);
  if (!marks) return failed(marks);
  return UpperMarks{*std::move(names), *std::move(marks), {}};
}

bool OverlayBaseline::begin(const RootFile& root, bool, std::stop_token stop,
                            Faults* faults) {
  layers_.emplace(paths_, data_, links_in_paths_, prefix_, faults);
  if (!layers_->usable()) {
    layers_.reset();
    return false;
  }
  stop_ = stop;
  links_.begin(*layers_, limits_.max_entries, stop, faults);
  comparer_.begin(root.path, ctime_shows_stores(root.fs_magic), clock_.wall(),
                  std::move(stop));
  return true;
}

void OverlayBaseline::end(bool everything) {
  comparer_.end(everything);
  links_.end();
  layers_.reset();
}

std::unique_ptr<Baseline::Dir> OverlayBaseline::root() {
  return std::make_unique<Directory>(
      *this, Directory::Below{layers_->root(), std::nullopt, ""});
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
    compared = comparer_.compare(root.file, *marks,
                                 {&view, **hit, ".", &*layers_}, entry);
  }
  // The runtime makes the upper root: its mtime says nothing of the container.
  entry->differs.time = false;
  if (entry->differs.any_metadata()) entry->change = Change::changed;
  return compared;
}

Tried<OverlayBaseline::Directory::Below> OverlayBaseline::Directory::child(
    const std::string& name, const std::string& redirect, bool pure) const {
  const LowerLayers& layers = *base_.layers_;
  const std::string& from = redirect.empty() ? name : redirect;
  Below out;
  out.origin = joined(below_.origin, from);
  auto image = layers.enter(below_.image, name);
  if (!image) return failed(image);
  out.image = *std::move(image);
  if (!pure && redirect.empty() && !below_.source) return out;
  std::vector<LowerDir> merged;
  if (!pure) {
    auto found = layers.merge(source(), from);
    if (!found) return failed(found);
    merged = *std::move(found);
  }
  if (!same_places(merged, out.image.merged)) out.source = std::move(merged);
  return out;
}

Tried<> OverlayBaseline::Directory::note_podman_line(const std::string& name,
                                                     const struct stat& st,
                                                     bool opaque,
                                                     Entry* entry) const {
  const auto literal = LowerLayers::find_literal(below_.image, name);
  if (!literal) return failed(literal);
  entry->shown_by_runtime = podman_line(st, opaque, *literal);
  return {};
}

// What overlay has noted on a file are a redirect and that its bytes are
// elsewhere, and of both it makes use only on a mount that can have redirects:
// with metacopy=on these are on, too (fs/overlayfs/params.c). Without, it
// refuses to open such a file (ovl_lookup() in fs/overlayfs/namei.c).
Tried<bool> OverlayBaseline::Directory::is_new(const std::string& name,
                                               const struct stat& st,
                                               Entry* entry) {
  if (S_ISDIR(st.st_mode) || is_whiteout(st)) return false;
  const auto hit = LowerLayers::find(below_.image, name);
  if (!hit) return failed(hit);
  if (*hit) return false;
  const auto noted = note_podman_line(name, st, false, entry);
  if (!noted) return failed(noted);
  entry->change = Change::added;
  return true;
}

Tried<> OverlayBaseline::Directory::compare_whiteout(const std::string& name,
                                                     Entry* entry) {
  entry->shown_by_runtime = Change::deleted;
  const auto hit = LowerLayers::find(below_.image, name);
  if (!hit) return failed(hit);
  if (*hit) {
    entry->change = Change::deleted;
    entry->mode = (*hit)->st.st_mode;
  }
  return {};
}

Tried<> OverlayBaseline::Directory::compare_with(const LowerHit& hit,
                                                 const UpperFile& file,
                                                 UpperMarks marks,
                                                 const std::string& name,
                                                 Entry* entry) {
  std::optional<LowerData> bytes;
  if (marks.marks.metacopy) {
    const bool own = file.lower || marks.marks.redirect.empty();
    auto found =
        base_.layers_->find_data(source(), own ? name : marks.marks.redirect);
    if (!found) return failed(found);
    bytes = *std::move(found);
    marks.bytes = bytes->file();
  }
  const auto compared = base_.comparer_.compare(
      file, marks, {&below_.image, hit, name, &*base_.layers_}, entry);
  // podman compares extended attributes, too, where it compares two trees.
  entry->stat_differs |= base_.redirects_ && entry->differs.xattr;
  return compared;
}

Tried<> OverlayBaseline::Directory::compare(const UpperFile& file,
                                            const std::string& name,
                                            Entry* entry, Onward* onward) {
  if (entry->whiteout) return compare_whiteout(name, entry);
  const bool directory = S_ISDIR(file.st.st_mode);
  auto own = base_.marks_of(file);
  if (!own) return failed(own);
  OverlayMarks& marks = own->marks;
  if (file.lower && directory) marks = {};  // merged already
  entry->metacopy = marks.metacopy;
  const bool absolute = !marks.redirect.empty() && marks.redirect[0] == '/';
  const bool redirects = directory && !marks.redirect.empty() &&
                         !marks.opaque && (absolute || !pure());
  if (!file.lower && (redirects || marks.metacopy)) {
    entry->rare.make().redirect = marks.redirect;
  }
  onward->pure = directory && (marks.opaque || (pure() && !redirects));
  onward->enter = true;
  if (below_.source && !redirects) {
    const auto brought = LowerLayers::find({source(), {}}, name);
    if (!brought) return failed(brought);
    onward->brought = brought->has_value();
  }

  const auto hit = LowerLayers::find(below_.image, name);
  if (!hit) return failed(hit);
  if (!entry->carried) {
    const auto noted = note_podman_line(name, file.st, marks.opaque, entry);
    if (!noted) return noted;
  }
  if (!*hit) {
    entry->change = Change::added;
    return {};
  }
  const auto compared = compare_with(**hit, file, *own, name, entry);
  Difference& differs = entry->differs;
  if (!directory || differs.type) {
    entry->change = Change::changed;
    return compared;
  }
  if (onward->pure || redirects || below_.source) {
    const auto below =
        child(name, redirects ? marks.redirect : "", onward->pure);
    if (!below) return failed(below);
    differs.opaque = below->source.has_value();
    if (compared && differs.opaque) {
      if (const auto noted = note_hidden(file, *below, entry); !noted) {
        return noted;
      }
    }
  }
  if (differs.any_metadata() || differs.opaque) entry->change = Change::changed;
  return compared;
}

// Names that the image has in it, and overlay does not show there.
Tried<> OverlayBaseline::Directory::note_hidden(const UpperFile& file,
                                                const Below& below,
                                                Entry* entry) {
  auto names = LowerLayers::names(below.image.merged, base_.limits_.max_entries,
                                  base_.stop_);
  if (!names) return failed(names);
  std::vector<std::string> hidden;
  for (std::string& one : *names) {
    struct stat st{};
    if (!file.lower) {
      if (::fstatat(file.fd, one.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) {
        continue;
      }
      if (!means_gone(errno)) return failed("stat");
    }
    const auto shows = LowerLayers::find({*below.source, {}}, one);
    if (!shows) return failed(shows);
    if (!*shows) hidden.push_back(std::move(one));
  }
  if (!hidden.empty()) entry->rare.make().hidden = std::move(hidden);
  return {};
}

Tried<std::optional<Baseline::Shone>> OverlayBaseline::Directory::shone(
    const std::string& name) {
  const auto link = base_.links_.find(below_.origin, name);
  if (link && !link->directory) {
    auto fd = base_.links_.open(*link);
    if (!fd) return failed(fd);
    if (*fd >= 0) return Shone{*std::move(fd), false};
  }
  if (!below_.source && !link) return std::nullopt;
  const auto hit = LowerLayers::find({source(), {}}, name);
  if (!hit) return failed(hit);
  if (!*hit) return std::nullopt;
  const LowerPath path(source()[(*hit)->index], name);
  Fd fd(::openat(path.dir(), path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (fd < 0) return failed("openat");
  return Shone{std::move(fd), true};
}

Tried<std::vector<std::string>> OverlayBaseline::Directory::missing(
    const std::vector<std::string>& names) {
  std::vector<std::string> out = base_.links_.names(below_.origin);
  if (below_.source) {
    auto shown =
        LowerLayers::names(source(), base_.limits_.max_entries, base_.stop_);
    if (!shown) return shown;
    out = *std::move(shown);
  }
  if (out.empty()) return out;
  const std::unordered_set<std::string_view> there(names.begin(), names.end());
  std::erase_if(out, [&](const auto& one) { return there.contains(one); });
  return out;
}

Tried<std::unique_ptr<Baseline::Dir>> OverlayBaseline::Directory::enter(
    const std::string& name, const std::string& redirect, Onward onward,
    const struct stat&) {
  auto below = child(name, redirect, onward.pure);
  if (!below) return failed(below);
  return std::make_unique<Directory>(base_, *std::move(below));
}

}  // namespace stillframe::drift
