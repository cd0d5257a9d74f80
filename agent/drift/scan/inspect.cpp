// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/scan/inspect.h"

#include <fcntl.h>

#include <cerrno>

#include "agent/model/inode_identity.h"

namespace stillframe::drift {
namespace {

// What stat(2) says of an entry.
void fill(const struct stat& st, Entry* entry) {
  entry->mode = st.st_mode;
  entry->uid = st.st_uid;
  entry->gid = st.st_gid;
  entry->links = static_cast<std::uint32_t>(st.st_nlink);
  entry->size = static_cast<std::uint64_t>(st.st_size);
  entry->mtime = wall(st.st_mtim);
  entry->ctime = wall(st.st_ctim);
}

// What is not in the upper directory has no inode of its own there. No
// filesystem gives out numbers so high.
InodeId carried_id(const InodeId& parent, const std::string& name) {
  const std::uint64_t hash =
      std::hash<InodeId>()(parent) * 31 + std::hash<std::string>()(name);
  return {hash | 1ull << 63, 0};
}

// Whether an entry that could not be compared to the end is sure to differ.
bool differs_anyway(const Entry& entry) {
  const Difference& d = entry.differs;
  return entry.change == Change::added || d.type || d.content ||
         d.any_metadata();
}

}  // namespace

void Inspector::begin(long fs_magic, WallTime now, Faults* faults) {
  fs_magic_ = fs_magic;
  now_ = now;
  faults_ = faults;
}

Tried<std::optional<Inspected>> Inspector::inspect(const UpperDir& dir,
                                                   const std::string& name,
                                                   Found found_by) {
  auto found = look(dir, name, found_by);
  if (!found) {
    faults_->add(dir.path() + "/" + name, found.error());
    faults_->keep(dir.inode, name);
  }
  return found;
}

// A name that is not there: shown by overlay all the same, or a deletion if the
// baseline has it.
Tried<std::optional<Inspected>> Inspector::absent(const UpperDir& dir,
                                                  const std::string& name) {
  auto shone = dir.below->shone(name);
  if (!shone) return failed(shone);
  if (*shone) {
    UpperFile file{(*shone)->fd, {}, (*shone)->lower};
    return examine(dir, name, file, true);
  }
  const auto mode = dir.below->gone(name);
  if (!mode) return failed(mode);
  if (!*mode) return std::nullopt;
  Inspected out;
  out.entry.parent = dir.inode;
  out.entry.name = name;
  out.entry.mode = **mode;
  out.entry.links = 1;
  out.entry.whiteout = true;
  out.entry.change = out.entry.shown_by_runtime = Change::deleted;
  return out;
}

// Its inode was registered when it was looked at first, and what is done to it
// gives it another ctime.
bool Inspector::unchanged(const UpperDir& dir, const std::string& name,
                          const struct stat& st) const {
  return files_.size() > 0 && !dir.fresh && KnownFiles::can_be_known(st) &&
         files_.has(KnownFiles::digest(dir.path_digest, dir.inode, name, st));
}

// Of what the image does not have at that path all that is known comes from
// stat(2): its attributes are not compared with any.
void Inspector::remember(const UpperDir& dir, const struct stat& st,
                         const Entry& entry) const {
  const bool by_stat_alone = entry.change == Change::added && !entry.whiteout &&
                             !entry.metacopy && entry.rare.get() == nullptr;
  if (by_stat_alone && dir.below->compares_with_image_alone() &&
      KnownFiles::can_be_known(st) && KnownFiles::settled(st, now_)) {
    files_.add(KnownFiles::digest(dir.path_digest, dir.inode, entry.name, st));
  }
}

Tried<std::optional<Inspected>> Inspector::look(const UpperDir& dir,
                                                const std::string& name,
                                                Found found_by) {
  if (dir.carried) return absent(dir, name);
  const auto passed = dir.below->passes_over(dir.fd, name);
  if (!passed) return failed(passed);
  if (*passed) return std::nullopt;
  if (dir.below->compares_with_image_alone()) {
    struct stat st{};
    if (::fstatat(dir.fd, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) {
      if (unchanged(dir, name, st)) {
        const Unchanged known{st.st_ino, place_hash(dir.inode, name)};
        return Inspected{.entry = {}, .onward = {}, .unchanged = known};
      }
      if (auto found = glance(dir, name, st, found_by)) {
        return found;
      }
    }
  }
  // O_PATH opens anything, FIFOs and devices too, without touching it; all that
  // follows asks this descriptor, whatever happens to the name meanwhile.
  const Fd fd(::openat(dir.fd, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (fd < 0) {
    if (means_gone(errno) || errno == ENAMETOOLONG) return absent(dir, name);
    return failed("openat");
  }
  return examine(dir, name, {fd, {}}, false);
}

// A new file, without opening it, which is half of what a look costs. Both
// calls ask for its name: what they say is of one file if they give the same
// number. If not, or if there is an error, it is to be opened. One that has its
// number from a file that was removed in between is reported itself, after this
// look.
std::optional<Inspected> Inspector::glance(const UpperDir& dir,
                                           const std::string& name,
                                           const struct stat& st,
                                           Found found_by) const {
  Inspected out;
  Entry& entry = out.entry;
  const auto is_new = dir.below->is_new(name, st, &entry);
  if (!is_new || !*is_new) return std::nullopt;
  const auto inode = inode_id(dir.fd, name.c_str(), st, fs_magic_);
  if (!inode) return std::nullopt;
  entry.inode = *inode;
  entry.parent = dir.inode;
  entry.name = name;
  struct stat now = st;
  if (found_by == Found::listed && registrar_ &&
      baseline_.to_watch(dir.depth + 1, false) &&
      registrar_(entry.inode, false)) {
    // What was done to it until here may have been seen by nobody.
    if (::fstatat(dir.fd, name.c_str(), &now, AT_SYMLINK_NOFOLLOW) != 0 ||
        now.st_ino != st.st_ino || wall(now.st_ctim) != wall(st.st_ctim)) {
      return std::nullopt;
    }
  }
  fill(now, &entry);
  remember(dir, now, entry);
  return out;
}

Tried<std::optional<Inspected>> Inspector::examine(const UpperDir& dir,
                                                   const std::string& name,
                                                   UpperFile file,
                                                   bool carried) {
  if (::fstat(file.fd, &file.st) != 0) return failed("stat");
  Inspected out;
  Entry& entry = out.entry;
  entry.inode = file.lower ? carried_id(dir.inode, name)
                           : inode_id(file.fd, file.st, fs_magic_);
  entry.parent = dir.inode;
  entry.name = name;
  entry.carried = carried;
  entry.whiteout = baseline_.has_whiteouts() && is_whiteout(file.st);
  const bool directory = S_ISDIR(file.st.st_mode);
  if (!entry.whiteout && !file.lower && registrar_ &&
      baseline_.to_watch(dir.depth + 1, directory)) {
    registrar_(entry.inode, directory);
    if (::fstat(file.fd, &file.st) != 0) return failed("stat");
  }
  fill(file.st, &entry);
  if (entry.whiteout) {
    // One inode stands for all whiteouts: its times and links say nothing.
    entry.links = 1;
    entry.mtime = entry.ctime = {};
  }
  const auto compared = dir.below->compare(file, name, &entry, &out.onward);
  if (out.onward.brought && dir.carrier) {
    entry.rare.make().carrier = dir.carrier;
  }
  if (!compared) {
    if (!directory && !differs_anyway(entry)) return failed(compared);
    entry.partly = true;
    faults_->add(dir.path() + "/" + name, compared.error());
  } else if (!carried) {
    remember(dir, file.st, entry);
  }
  return out;
}

Entry Inspector::inspect_root(const RootFile& root) {
  Entry entry;
  entry.inode = root.inode;
  if (registrar_) registrar_(root.inode, true);
  RootFile now = root;
  if (::fstat(root.file.fd, &now.file.st) != 0) {
    faults_->add("", {"stat", errno});
    entry.partly = true;
  }
  fill(now.file.st, &entry);
  if (const auto compared = baseline_.compare_root(now, &entry); !compared) {
    faults_->add("", compared.error());
    entry.partly = true;
  }
  return entry;
}

}  // namespace stillframe::drift
