// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/file_changes.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "agent/drift/ledger/kinds.h"

namespace stillframe::drift {
namespace {

constexpr std::size_t kMaxRemovals = 65'536;
constexpr std::size_t kMaxAliases = 8;
// How far the ctime that an operation gives may lie before it is observed: two
// ticks of the slowest clock (HZ=100), and some scheduling.
constexpr std::int64_t kClockNs = 50'000'000;

// Between a change and the report of it, however busy the machine is.
constexpr std::int64_t kFoundNs = 1'000'000'000;

bool removes(FileOp op) { return op == FileOp::unlink || op == FileOp::rmdir; }

// What differs from the image may be others' work whose operation is known. An
// ACL's mask is kept in the mode, and another owner's file loses set-id bits.
KindList less_known(const KindList& differing, const KindList& known) {
  const bool mode_with_it =
      known.has(Kind::acl_change) || known.has(Kind::owner_change);
  KindList rest;
  for (const Kind kind : differing.list()) {
    if (known.has(kind)) continue;
    if (kind == Kind::mode_change && mode_with_it) continue;
    rest.add(kind);
  }
  if (rest.empty()) rest.add(Kind::unknown_change);
  return rest;
}

// Ahead of a container's first program nothing of its own runs: what is in its
// cgroup without descending from it prepares its start.
Actor as_seen(Actor by, const FileObservation& seen) {
  const bool inside =
      by.origin == Origin::workload || by.origin == Origin::exec;
  if (!inside || seen.live || seen.process.followed) return by;
  by.origin = Origin::runtime;
  by.session.reset();
  by.tool.clear();
  by.update = 0;
  return by;
}

}  // namespace

void FileChanges::observe(const FileObservation& seen, const Actor& by) {
  note_place(seen);
  if (seen.ambiguous) {
    // A reader may only have refreshed what another's store had changed.
    mark_place(seen);
    return;
  }
  const ActorId id = books_.actors.intern(as_seen(by, seen));
  if (seen.entries) {
    plan_.mark_all(seen.inode, seen.boot_ns);
    attribution_.at_work(seen, id);
    return;
  }
  FileObservation placed = seen;
  if (!placed.parent && placed.inode != books_.tree.root()) {
    // An operation that does not give the name: what the last scan knows.
    if (const Entry* known = books_.tree.find(placed.inode)) {
      placed.parent = known->parent;
      placed.name = known->name;
    }
  }
  if (of_another_name(placed)) {
    note_touch(placed.inode, placed.boot_ns);
    mark_place(placed);
    return;
  }
  record(placed, id);
}

// Whether it is about a name that it does not say: which one came or went is
// for the look at its directory to find, where those who did it were seen as
// well.
bool FileChanges::of_another_name(const FileObservation& seen) const {
  const bool about_names = seen.op == FileOp::rename ||
                           seen.op == FileOp::unlink || seen.op == FileOp::link;
  if (seen.more_names && about_names) return true;
  if (seen.op != FileOp::rename) return false;
  // Of a rename both inodes are seen: also that which another was renamed over,
  // if it has more names. It has stayed where it was, and what took its place
  // is seen itself.
  const Entry* there = books_.tree.find(seen.parent, seen.name);
  return there != nullptr && !there->directory() && there->links > 1 &&
         same_inode(there->inode, seen.inode);
}

void FileChanges::note_touch(const InodeId& inode, std::uint64_t boot_ns) {
  const auto key = RecordKey::of_inode(inode);
  if (books_.ledger.find(key) == nullptr) return;
  books_.ledger.set_ctime_moved(key, std::max(books_.ledger.ctime_moved(key),
                                              books_.clock.wall_at(boot_ns)));
  books_.ledger.touch(key);
}

// Whether what is known of an inode was read before the operation. A scan may
// see what one has done before it is over and reported, so that neither's time
// says which was first: the inode's own does.
bool FileChanges::was_before(const FileObservation& seen,
                             const Entry& known) const {
  if (known.ctime < seen.ctime) return true;
  return known.ctime.ns + kClockNs < books_.clock.wall_at(seen.boot_ns).ns;
}

std::optional<Unsettled> FileChanges::unsettled(const FileObservation& seen,
                                                const Record* before) const {
  const auto kind = kind_of(seen);
  const Entry* known = entry_of(seen.inode, seen.parent, seen.name);
  const Unsettled* earlier = unsettled_.first(seen.inode);
  // It is known from where it was before it was moved, until that is looked at.
  const bool moved = known != nullptr && seen.parent &&
                     !same_inode(known->parent, seen.parent) &&
                     plan_.pending(known->parent);
  const bool looked = (known == nullptr || was_before(seen, *known)) &&
                      !moved &&
                      (before == nullptr || earlier != nullptr ||
                       (before->last_boot_ns < plan_.last_start() &&
                        !plan_.under_way() && !plan_.pending(seen.parent)));
  const bool same_mode = known != nullptr && known->mode == seen.mode;
  const bool made = before != nullptr && shows_origin(before->kinds);
  bool clear = seen.created;
  if (kind == Kind::mode_change && known != nullptr) {
    clear = clear || !same_mode || !looked;
  } else if (kind == Kind::mode_change || kind == Kind::owner_change ||
             kind == Kind::time_change) {
    clear = clear || (known == nullptr ? made : !looked);
  } else if (kind == Kind::xattr_change || kind == Kind::acl_change) {
    // Only of a file that was just copied up it shows whether there is one: to
    // that end a call can have had it copied that was refused then.
    clear = clear || (known != nullptr && looked) ||
            (before != nullptr && before->observed);
  } else {
    clear = kind.has_value();
  }
  if (clear) return std::nullopt;
  Unsettled out;
  // What nobody had looked at before the first has not been looked at since.
  const bool fresh = earlier == nullptr || earlier->before;
  if (known != nullptr && looked && fresh) out.before = Former(*known);
  out.mode = seen.mode;
  out.made = made;
  return out;
}

// Whether a scan has found the name taken away so shortly before that it was by
// this operation: what is not there cannot be taken away again.
bool FileChanges::found_before(const FileObservation& seen,
                               const Record* known) const {
  if (known == nullptr || known->observed) return false;
  const auto done = books_.clock.wall_at(seen.boot_ns).ns;
  return known->last_seen.ns + kFoundNs > done && known->last_seen.ns <= done;
}

void FileChanges::record(const FileObservation& seen, ActorId by) {
  attribution_.reported(seen);
  Ledger& ledger = books_.ledger;
  const auto kind = kind_of(seen);
  const bool removal = removes(seen.op);
  const auto key = removal && seen.parent
                       ? RecordKey::of_place(seen.parent, seen.name)
                       : RecordKey::of_inode(seen.inode);

  // An inode number that is made again is another file.
  if (seen.created) {
    const Record* old = ledger.find(RecordKey::of_inode(seen.inode));
    if (old != nullptr && old->gone) {
      records_.retire(seen.inode, books_.tree.path_of(seen.inode));
    }
  }
  Operation about;
  about.boot_ns = seen.boot_ns;
  about.inode = seen.inode;
  about.parent = seen.parent;
  about.name = seen.name;
  about.kind = kind;
  about.actor = by;
  about.count = 1 + static_cast<std::uint64_t>(seen.repeats);
  about.live = seen.live;
  if (seen.op == FileOp::rename) {
    const Entry* known = books_.tree.find(seen.inode);
    // Which of several names it had is for the look to find.
    const bool sole =
        known != nullptr && (known->directory() || known->links <= 1);
    if (sole) about.from = books_.tree.path_of(*known);
    if (about.from == directories_.path_in(seen.parent, seen.name)) {
      about.from.clear();
    }
  }
  if (removal && found_before(seen, ledger.find(key))) ledger.erase(key);
  const Record* before = ledger.find(key);
  auto waiting = unsettled(seen, before);
  const bool itself = kind && *kind != Kind::copy_up && !removal;
  if (!waiting && itself && S_ISDIR(seen.mode) &&
      records_.forget_bystanders(key)) {
    before = nullptr;
  }
  const bool fresh = before == nullptr;
  const auto time = books_.clock.wall_at(seen.boot_ns);
  if (waiting && before != nullptr) {
    // Whether it is one more who changed it is not known yet.
    note_touch(seen.inode, seen.boot_ns);
    ledger.find(key)->unsettled = true;
  } else if (Record* r = records_.add(key, time, about.count, by)) {
    if (waiting) {
      r->unsettled = true;
    } else {
      r->kinds.add(*kind);
    }
    r->observed = true;
    r->live = r->live || seen.live;
    r->last_boot_ns = std::max(r->last_boot_ns, seen.boot_ns);
    if (ledger.from(key).empty()) ledger.set_from(key, about.from);
  }
  if (removal) note_removal(seen, key);
  mark_place(seen);
  if (seen.op == FileOp::rmdir) note_removed_directory(seen);
  if (waiting) {
    waiting->about = std::move(about);
    waiting->first = fresh;
    if (const auto oldest = unsettled_.add(std::move(*waiting))) {
      Beside beside;
      beside.add(*oldest, unsettled_.waiting());
      settle(*oldest, beside, false);
    }
  } else {
    announcer_.operation(std::move(about));
  }
  verdicts_.rejudge_inode(seen.inode);
}

void FileChanges::note_removal(const FileObservation& seen,
                               const RecordKey& key) {
  const auto of_inode = RecordKey::of_inode(seen.inode);
  if (Record* r = books_.ledger.find(of_inode)) {
    r->gone = true;
    books_.ledger.touch(of_inode);
    note_touch(seen.inode, seen.boot_ns);
  }
  if (removals_.size() < kMaxRemovals) {
    removals_.push_back({key, seen.inode, seen.boot_ns});
  } else {
    plan_.need_full();  // which sweeps
  }
}

void FileChanges::mark_place(const FileObservation& seen) {
  const UpperTree& tree = books_.tree;
  if (seen.entries) {
    plan_.mark_all(seen.inode, seen.boot_ns);
    return;
  }
  if (seen.parent) {
    mark(seen.parent, seen.name, seen);
  } else if (seen.inode == tree.root()) {
    mark(seen.inode, "", seen);
  } else if (tree.find(seen.inode) == nullptr) {
    plan_.need_full();
    if (seen.more_follow) plan_.need_full_later(seen.boot_ns);
  }
  const Entry* known = tree.find(seen.inode);
  if (known == nullptr) return;
  if (known->links <= 1 || known->directory()) {
    if (known->parent) mark(known->parent, known->name, seen);
    return;
  }
  const auto names = tree.aliases(seen.inode);
  const auto& aliases = names->all;
  for (std::size_t i = 0; i < std::min(aliases.size(), kMaxAliases); ++i) {
    mark(aliases[i]->parent, aliases[i]->name, seen);
  }
}

void FileChanges::mark(const InodeId& directory, const std::string& name,
                       const FileObservation& seen) {
  plan_.mark(directory, name, seen.boot_ns);
  if (seen.more_follow) plan_.mark_later(directory, name, seen.boot_ns);
}

// Whatever an event of a directory is about, it says where that is.
void FileChanges::note_place(const FileObservation& seen) {
  if (!S_ISDIR(seen.mode) || seen.op == FileOp::rmdir) return;
  if (!directories_.seen(seen.inode, seen.parent, seen.name, seen.boot_ns)) {
    plan_.need_full();
  }
}

// Who worked in it is known until its place is looked at: what was in it has
// gone, too.
void FileChanges::note_removed_directory(const FileObservation& seen) {
  plan_.drop(seen.inode);
  directories_.removed(seen.inode, seen.parent, seen.name, seen.boot_ns);
}

void FileChanges::drop(const InodeId& directory) {
  plan_.drop(directory);
  attribution_.drop(directory);
}

void FileChanges::scanned(std::uint64_t started) {
  const auto looked_at = [this](const InodeId& directory) {
    return plan_.looked_at(directory);
  };
  for (const auto& gone : directories_.settle(started, looked_at)) {
    drop(gone);
  }
  settle_removals(started);
  settle_operations(started);
}

void FileChanges::settle_operations(std::uint64_t started) {
  const auto pending = [this](const InodeId& directory) {
    return plan_.pending(directory);
  };
  const auto due = unsettled_.take(started, pending);
  for (const auto& operation : due) {
    Beside beside;
    beside.add(operation, due);
    beside.add(operation, unsettled_.waiting());
    settle(
        operation, beside,
        operation.about.boot_ns < started && !pending(operation.about.parent));
  }
}

// Of several names that by which it was seen.
const Entry* FileChanges::entry_of(const InodeId& inode, const InodeId& parent,
                                   const std::string& name) const {
  const Entry* there = books_.tree.find(parent, name);
  const bool same =
      there != nullptr && !there->whiteout && same_inode(there->inode, inode);
  return same ? there : books_.tree.find(inode);
}

// Of a file that the image holds by another name, that one: there it shows what
// became of it.
const Entry* FileChanges::image_name_of(const Entry* entry) const {
  if (entry == nullptr || entry->directory() || entry->links <= 1) return entry;
  const Entry* image = books_.tree.aliases(entry->inode)->first_changed;
  return image != nullptr ? image : entry;
}

ActorId FileChanges::maybe(ActorId by) const {
  Actor actor = books_.actors.get(by);
  actor.ambiguous = true;
  return books_.actors.intern(actor);
}

// `looked`: the effect has been seen since. Else whoever did it may have done
// it, and is not let off because there are too many to wait for.
void FileChanges::settle(const Unsettled& operation, const Beside& beside,
                         bool looked) {
  const auto& seen = operation.about;
  const auto key = RecordKey::of_inode(seen.inode);
  const Entry* now = entry_of(seen.inode, seen.parent, seen.name);
  Unsettled by_now = operation;
  // What was seen made, moved or linked there was not made by it.
  const Record* known = books_.ledger.find(key);
  by_now.made =
      operation.made || (known != nullptr && shows_origin(known->kinds));
  by_now.linked = known != nullptr && known->kinds.has(Kind::file_link);
  auto kinds = effect(by_now, image_name_of(now));
  ActorId by = seen.actor;
  const bool let_off = !looked && kinds.empty();
  if (let_off) kinds.add(seen.kind.value_or(Kind::unknown_change));
  // Who makes a file is seen to make it: whoever was seen doing what it does
  // not say to one that nobody made may have found it there.
  if (let_off ||
      (!seen.kind && shows_origin(kinds) && !kinds.has(Kind::file_rename))) {
    by = maybe(by);
  }
  if (now != nullptr && now->directory() && !kinds.empty() &&
      !kinds.only(Kind::copy_up) && !operation.first &&
      records_.forget_bystanders(key)) {
    records_.add(key, books_.clock.wall_at(seen.boot_ns), 0, by);
  }
  if (Record* r = books_.ledger.find(key); r != nullptr) {
    if (!seen.kind && (!operation.before || !kinds.empty())) {
      KindList known = beside.known;
      // A look before it has shown what had been done until then.
      if (!operation.before || r->last_boot_ns > seen.boot_ns) {
        known.add(r->kinds);
      }
      kinds = less_known(kinds, known);
    }
    const bool another = !operation.first && !kinds.empty();
    if (another) {
      records_.add(key, books_.clock.wall_at(seen.boot_ns), seen.count, by);
      r->live = r->live || seen.live;
      r->observed = true;
      r->last_boot_ns = std::max(r->last_boot_ns, seen.boot_ns);
    }
    r->kinds.add(kinds);
    r->unsettled = unsettled_.waits(seen.inode);
    books_.ledger.touch(key);
    verdicts_.rejudge_inode(seen.inode);
  }
  if (!seen.kind && beside.unknown) by = maybe(by);
  for (const Kind kind : kinds.list()) {
    Operation about = seen;
    about.kind = kind;
    about.actor = by;
    if (!seen.kind && now != nullptr) {  // it is known by what it left
      about.parent = now->parent;
      about.name = now->name;
    }
    announcer_.operation(std::move(about));
  }
}

// What became of names taken away, where the place has been looked at since.
void FileChanges::settle_removals(std::uint64_t started) {
  std::vector<Removal> waiting;
  waiting.swap(removals_);
  for (auto& gone : waiting) {
    if (gone.boot_ns >= started || !plan_.looked_at(gone.place.inode)) {
      removals_.push_back(std::move(gone));
      continue;
    }
    const auto of_inode = RecordKey::of_inode(gone.inode);
    Record* r = books_.ledger.find(of_inode);
    if (books_.tree.find(gone.inode) != nullptr) {
      if (r != nullptr && r->gone) {
        r->gone = false;  // by another name it is there
        books_.ledger.touch(of_inode);
      }
    } else {
      // Its number may be another directory's by now, where others work.
      attribution_.settle(gone.inode, gone.boot_ns + 1);
      if (r != nullptr && r->last_boot_ns <= gone.boot_ns) {
        records_.missing(gone.inode, directories_.path_in(gone.place.inode,
                                                          gone.place.name));
      }
    }
    if (gone.place.name.empty()) continue;
    const Entry* there = books_.tree.find(gone.place.inode, gone.place.name);
    const Record* removal = books_.ledger.find(gone.place);
    if (removal == nullptr || removal->last_boot_ns > gone.boot_ns) continue;
    // It is looked at again when overlay is surely done with it.
    const bool going =
        there != nullptr && !there->whiteout &&
        (same_inode(there->inode, gone.inode) || there->differs.opaque);
    if (going && gone.boot_ns + kBeingRemovedNs >= started) {
      plan_.mark_later(gone.place.inode, gone.place.name, gone.boot_ns);
      removals_.push_back(std::move(gone));
      continue;
    }
    if (there == nullptr || !there->whiteout) books_.ledger.erase(gone.place);
  }
}

}  // namespace stillframe::drift
