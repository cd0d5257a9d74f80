// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/kinds.h"

#include <sys/stat.h>

namespace stillframe::drift {

Kind create_kind(std::uint32_t mode) {
  if (S_ISDIR(mode)) return Kind::dir_create;
  if (S_ISCHR(mode) || S_ISBLK(mode)) return Kind::device_create;
  return Kind::file_create;
}

Kind delete_kind(std::uint32_t mode) {
  return S_ISDIR(mode) ? Kind::dir_delete : Kind::file_delete;
}

std::optional<Kind> kind_of(const FileObservation& seen) {
  switch (seen.op) {
    case FileOp::unknown:
      if (seen.created) return create_kind(seen.mode);
      return std::nullopt;
    case FileOp::open:
      // O_TMPFILE and the like make the inode in the course of an open.
      return seen.created ? create_kind(seen.mode) : Kind::copy_up;
    case FileOp::create:
    case FileOp::symlink:
      return Kind::file_create;
    case FileOp::mkdir:
      return Kind::dir_create;
    case FileOp::mknod:
      return create_kind(seen.mode);
    case FileOp::write:
      return Kind::file_write;
    case FileOp::truncate:
      return Kind::file_truncate;
    case FileOp::unlink:  // unlinkat(2) removes directories, too
      return delete_kind(seen.mode);
    case FileOp::rmdir:
      return Kind::dir_delete;
    case FileOp::rename:
      return Kind::file_rename;
    case FileOp::link:
      return Kind::file_link;
    case FileOp::chmod:
      return Kind::mode_change;
    case FileOp::chown:
      return Kind::owner_change;
    case FileOp::xattr:
      return Kind::xattr_change;
    case FileOp::acl:
      return Kind::acl_change;
    case FileOp::flags:
      return Kind::flags_change;
    case FileOp::utimes:
      return Kind::time_change;
  }
  return std::nullopt;
}

KindList state_kinds(const Entry& entry) {
  KindList kinds;
  switch (entry.change) {
    case Change::none:
      break;
    case Change::added:
      kinds.add(entry.carrier() ? Kind::file_rename : create_kind(entry.mode));
      break;
    case Change::deleted:
      kinds.add(delete_kind(entry.mode));
      break;
    case Change::changed: {
      const auto& d = entry.differs;
      if (d.opaque) kinds.add(Kind::dir_delete);
      if (d.content || d.type || d.unread) kinds.add(Kind::unknown_change);
      if (d.mode) kinds.add(Kind::mode_change);
      if (d.owner) kinds.add(Kind::owner_change);
      if (d.xattr) kinds.add(Kind::xattr_change);
      if (d.acl) kinds.add(Kind::acl_change);
      if (d.flags) kinds.add(Kind::flags_change);
      if (d.unknown && kinds.empty()) kinds.add(Kind::unknown_change);
      if (d.time && kinds.empty()) kinds.add(Kind::time_change);
      if (kinds.empty()) kinds.add(Kind::copy_up);
      break;
    }
  }
  return kinds;
}

KindList observed_kinds(const Entry& entry) {
  KindList kinds = state_kinds(entry);
  if (kinds.has(Kind::unknown_change)) {
    kinds.remove(Kind::unknown_change);
    kinds.add(Kind::file_write);
  }
  return kinds;
}

namespace {

bool can_make(FileOp op) {
  return op == FileOp::create || op == FileOp::open || op == FileOp::mknod ||
         op == FileOp::symlink;
}

}  // namespace

KindList kinds_by_operation(FileOp op, const Entry& entry, bool direct) {
  if (entry.whiteout || entry.change == Change::deleted) {
    KindList kinds;
    kinds.add(delete_kind(entry.mode));
    return kinds;
  }
  FileObservation as_if;
  as_if.op = op;
  as_if.mode = entry.mode;
  as_if.created = entry.change == Change::added;
  KindList kinds;
  switch (op) {
    case FileOp::rename:
      kinds.add(Kind::file_rename);
      break;
    case FileOp::link:
      // What the image has there was copied up to be linked elsewhere.
      kinds.add(entry.change == Change::changed ? Kind::copy_up
                                                : Kind::file_link);
      break;
    case FileOp::unlink:
    case FileOp::rmdir:
    case FileOp::unknown:
      break;  // that left something behind: its state shows what
    default:
      // Past the overlay nothing is copied up: whoever changed the directory by
      // making something has made what is there in place of the image's file.
      if (entry.change == Change::added ||
          (direct && !entry.directory() && can_make(op))) {
        kinds.add(create_kind(entry.mode));
      } else if (op == FileOp::create) {
        kinds.add(Kind::copy_up);  // O_CREAT on what was there
      } else if (const auto kind = kind_of(as_if)) {
        kinds.add(*kind);
      }
  }
  return explained(kinds, entry);
}

bool shows_origin(const KindList& kinds) {
  return kinds.has(Kind::file_create) || kinds.has(Kind::dir_create) ||
         kinds.has(Kind::device_create) || kinds.has(Kind::file_rename) ||
         kinds.has(Kind::file_link);
}

KindList explained(KindList recorded, const Entry& entry) {
  if (recorded.empty()) return state_kinds(entry);
  const bool content = recorded.has_class(Class::content);
  if (entry.change == Change::added) {
    // What the image does not hold was made, whoever was seen to write to it.
    if (!shows_origin(recorded)) recorded.add(state_kinds(entry));
    return recorded;
  }
  if (entry.change == Change::deleted) {
    if (!content) recorded.add(state_kinds(entry));
    return recorded;
  }
  if (entry.change != Change::changed || content) return recorded;
  const auto& d = entry.differs;
  if (d.opaque) recorded.add(Kind::dir_delete);
  // Whoever was seen opening it for writing has emptied it, or written: through
  // a mapping, or in the course of a call that was folded into the first.
  if (d.content || d.type) {
    const Kind by_open =
        entry.size == 0 ? Kind::file_truncate : Kind::file_write;
    recorded.add(recorded.has(Kind::copy_up) && !d.type ? by_open
                                                        : Kind::unknown_change);
  }
  if (d.unread) recorded.add(Kind::unknown_change);
  if (d.mode) recorded.add(Kind::mode_change);
  if (d.owner) recorded.add(Kind::owner_change);
  if (d.xattr) recorded.add(Kind::xattr_change);
  if (d.acl) recorded.add(Kind::acl_change);
  if (d.flags) recorded.add(Kind::flags_change);
  const bool only_time = !d.opaque && !d.content && !d.type && !d.unknown &&
                         !d.unread && !d.any_metadata();
  // A directory's mtime moves with whatever comes and goes in it.
  if (d.time && only_time && !entry.directory()) {
    recorded.add(Kind::time_change);
  }
  return recorded;
}

bool restored(const KindList& recorded, const Entry& entry) {
  if (entry.change != Change::changed) return false;
  const auto& d = entry.differs;
  if (d.type || d.content || d.opaque || d.unknown || d.unread ||
      d.any_metadata()) {
    return false;
  }
  if (!d.time) return true;
  // What was put there brought its time along; what was written has it moved.
  KindList written = recorded;
  written.remove(Kind::file_rename);
  written.remove(Kind::file_link);
  return (written.has_class(Class::content) || entry.directory()) &&
         !recorded.has(Kind::time_change);
}

}  // namespace stillframe::drift
