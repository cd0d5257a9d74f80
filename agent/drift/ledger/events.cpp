// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <algorithm>

#include "agent/drift/ledger/container_drift_impl.h"
#include "agent/drift/ledger/kinds.h"

namespace stillframe::drift {
namespace {

constexpr std::size_t kMaxHeld = 1024;
constexpr std::size_t kMaxBorn = 4096;
constexpr std::size_t kMaxRemoved = 65'536;
constexpr std::size_t kMaxAliases = 8;
constexpr int kMaxDepth = 4096;

bool removes(FileOp op) { return op == FileOp::unlink || op == FileOp::rmdir; }

std::string joined(const std::string& directory, const std::string& name) {
  if (name.empty()) return directory;
  return directory == "/" ? "/" + name : directory + "/" + name;
}

}  // namespace

void ContainerDrift::Impl::observe(const FileObservation& seen,
                                   const Actor& who) {
  if (seen.ambiguous) {
    // A reader may only have refreshed what another's store had changed.
    mark_place(seen);
    return;
  }
  Actor by = who;
  if (before_first_life(seen.boot_ns, seen.live)) {
    // Whoever prepares the rootfs is the runtime, whatever program it is.
    by.origin = Origin::runtime;
    by.tool.clear();
  }
  const ActorId id = actors.intern(by);
  if (seen.entries) {
    dirty.mark_full(seen.inode, seen.boot_ns);
    remember_candidate(seen, id);
    return;
  }
  FileObservation placed = seen;
  if (!placed.parent && placed.inode != tree.root()) {
    // An operation that does not tell the name: what the last scan knows.
    if (const Entry* known = tree.find(placed.inode)) {
      placed.parent = known->parent;
      placed.name = known->name;
    }
  }
  record_file(placed, id);
}

void ContainerDrift::Impl::remember_candidate(const FileObservation& seen,
                                              ActorId id) {
  Candidate candidate;
  candidate.actor = id;
  candidate.op = seen.op;
  candidate.first_ns = seen.boot_ns;
  candidate.last_ns = seen.boot_ns;
  candidate.hint = base_name(seen.hint);
  candidate.live = seen.live;
  candidate.own = before_first_life(seen.boot_ns, seen.live);
  candidates.add(seen.inode, std::move(candidate));
}

bool ContainerDrift::Impl::before_first_life(std::uint64_t boot_ns,
                                             bool live) const {
  if (live || lived_before) return false;
  return !state.lived || boot_ns <= live_since_ns;
}

bool ContainerDrift::Impl::made_before_life(const Entry& entry) const {
  return entry.ctime.ns != 0 && entry.ctime < own_until;
}

void ContainerDrift::Impl::record_file(const FileObservation& seen,
                                       ActorId id) {
  const auto kind = kind_of(seen);
  const bool removal = removes(seen.op);
  const auto time = options.clock.wall_at(seen.boot_ns);
  const auto key = removal && seen.parent
                       ? RecordKey::of_place(seen.parent, seen.name)
                       : RecordKey::of_inode(seen.inode);
  const bool own_write = before_first_life(seen.boot_ns, seen.live);

  // An inode number that is made again is another file.
  if (seen.created) {
    const Record* old = ledger.find(RecordKey::of_inode(seen.inode));
    if (old != nullptr && old->gone) {
      retire(seen.inode, tree.path_of(seen.inode));
    }
  }
  std::string from;
  if (seen.op == FileOp::rename) {
    from = tree.path_of(seen.inode);
    if (from == path_in(seen.parent, seen.name)) from.clear();
  }
  const bool fresh = ledger.find(key) == nullptr;
  if (Record* r = record_for(key, time, 1 + seen.repeats, id)) {
    if (kind) {
      r->kinds.add(*kind);
    } else {
      r->unsettled = true;
    }
    r->own = own_write && (fresh || r->own);
    r->observed = true;
    r->live = r->live || seen.live;
    r->last_boot_ns = std::max(r->last_boot_ns, seen.boot_ns);
    if (ledger.from(key).empty()) ledger.set_from(key, from);
  }
  if (removal) {
    if (Record* r = ledger.find(RecordKey::of_inode(seen.inode))) {
      r->gone = true;
      ledger.touch(RecordKey::of_inode(seen.inode));
    }
    if (removed.size() < kMaxRemoved) {
      removed.push_back({key, seen.inode, seen.boot_ns});
    } else {
      full_due = true;  // which sweeps
    }
  }
  mark_place(seen);
  note_structure(seen);
  if (!own_write) announce(seen, time, kind, id, std::move(from));
  verdicts.rejudge_inode(seen.inode);
}

Record* ContainerDrift::Impl::record_for(const RecordKey& key, WallTime time,
                                         std::uint64_t count, ActorId id) {
  Record* r = ledger.upsert(key, [&](const InodeId& old, const Record& was) {
    if (!was.kinds.has_class(Class::code)) return;
    if (Record* kept = ledger.upsert(RecordKey::of_path(tree.path_of(old)))) {
      *kept = was;
    }
  });
  if (r == nullptr) return nullptr;
  if (r->count == 0 || time < r->first_seen) r->first_seen = time;
  r->last_seen = std::max(r->last_seen, time);
  r->count = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(r->count + count, UINT32_MAX));
  r->actors = actors.add(r->actors, id);
  return r;
}

// The inode is gone. What it held is the image's again or a whiteout's matter;
// but that code was run stays true.
void ContainerDrift::Impl::retire(const InodeId& inode,
                                  const std::string& path) {
  const auto key = RecordKey::of_inode(inode);
  const Record* r = ledger.find(key);
  if (r == nullptr) return;
  Record code = *r;
  code.kinds = {};
  for (const Kind kind : r->kinds.list()) {
    if (class_of(kind) == Class::code) code.kinds.add(kind);
  }
  ledger.erase(key);
  if (code.kinds.empty()) return;
  const auto at = RecordKey::of_path(path.empty() ? "(unknown)" : path);
  Record* kept = ledger.upsert(at);
  if (kept == nullptr) return;
  code.kinds.add(kept->kinds);
  code.count += kept->count;
  *kept = code;
  verdicts.rejudge(at);
}

void ContainerDrift::Impl::mark_place(const FileObservation& seen) {
  if (seen.entries) {
    dirty.mark_full(seen.inode, seen.boot_ns);
    return;
  }
  if (seen.parent) {
    dirty.mark(seen.parent, seen.name, seen.boot_ns);
  } else if (seen.inode == tree.root()) {
    dirty.mark(seen.inode, "", seen.boot_ns);
  } else if (tree.find(seen.inode) == nullptr) {
    full_due = true;
  }
  const Entry* known = tree.find(seen.inode);
  if (known == nullptr) return;
  if (known->links <= 1 || known->directory()) {
    if (known->parent) dirty.mark(known->parent, known->name, seen.boot_ns);
    return;
  }
  const auto aliases = tree.aliases(seen.inode);
  for (std::size_t i = 0; i < std::min(aliases.size(), kMaxAliases); ++i) {
    dirty.mark(aliases[i]->parent, aliases[i]->name, seen.boot_ns);
  }
}

void ContainerDrift::Impl::note_structure(const FileObservation& seen) {
  if (seen.op == FileOp::rmdir) {
    dirty.drop(seen.inode);
    candidates.drop(seen.inode);
    born.erase(seen.inode.ino);
    return;
  }
  const bool makes =
      seen.op == FileOp::mkdir || (seen.created && S_ISDIR(seen.mode));
  const bool moves = seen.op == FileOp::rename && born.contains(seen.inode.ino);
  if ((!makes && !moves) || !seen.parent || tree.has_directory(seen.inode)) {
    return;
  }
  if (born.size() >= kMaxBorn) {
    full_due = true;
    return;
  }
  born[seen.inode.ino] = {seen.parent, seen.name, seen.boot_ns};
}

// Empty while the parent is unknown.
std::string ContainerDrift::Impl::path_in(const InodeId& parent,
                                          const std::string& name) const {
  std::string below = name;
  InodeId at = parent;
  for (int depth = 0; at && depth < kMaxDepth; ++depth) {
    const std::string known = tree.path_of(at);
    if (!known.empty()) return joined(known, below);
    if (at == tree.root() || at == record.root.inode) return "/" + below;
    const auto it = born.find(at.ino);
    if (it == born.end()) return {};
    below = it->second.name + "/" + below;
    at = it->second.parent;
  }
  return {};
}

void ContainerDrift::Impl::announce(const FileObservation& seen, WallTime time,
                                    std::optional<Kind> kind, ActorId id,
                                    std::string from) {
  Held about;
  about.boot_ns = seen.boot_ns;
  about.time = time;
  about.inode = seen.inode;
  about.parent = seen.parent;
  about.name = seen.name;
  about.kind = kind;
  about.actor = id;
  about.count = 1 + static_cast<std::uint64_t>(seen.repeats);
  about.from = std::move(from);
  std::string path = path_in(seen.parent, seen.name);
  if (path.empty() && seen.inode == tree.root()) path = "/";
  about.maybe_own =
      !seen.live && !path.empty() && judge.runtime_writes_at(path);
  if (path.empty() || !kind || about.maybe_own) {
    hold(std::move(about));
  } else {
    emit(*kind, path, about);
  }
}

void ContainerDrift::Impl::hold(Held about) {
  if (held.size() >= kMaxHeld) {
    const Held oldest = std::move(held.front());
    held.pop_front();
    release(oldest);
  }
  held.push_back(std::move(about));
}

// After a scan that began at `started`.
void ContainerDrift::Impl::release_held(std::uint64_t started, bool full) {
  std::deque<Held> waiting;
  waiting.swap(held);
  for (auto& about : waiting) {
    const bool covered =
        about.boot_ns < started && (full || !dirty.has(about.parent));
    if (covered) {
      release(about);
    } else {
      held.push_back(std::move(about));
    }
  }
}

// Says what is known by now, if that is no more than the name.
void ContainerDrift::Impl::release(const Held& about) {
  const Entry* entry = tree.find(about.inode);
  std::string path = path_in(about.parent, about.name);
  if (path.empty() && entry != nullptr) path = tree.path_of(*entry);
  if (path.empty()) path = about.name;
  if (entry != nullptr && about.maybe_own &&
      verdicts.row(*entry, path).judgement.verdict == Verdict::runtime) {
    return;
  }
  if (about.kind) {
    emit(*about.kind, path, about);
    return;
  }
  if (entry != nullptr && entry->change == Change::none) return;
  const auto kinds = entry == nullptr ? KindList() : state_kinds(*entry);
  emit(kinds.empty() ? Kind::unknown_change : kinds.worst(), path, about);
}

// What a scan has found.
void ContainerDrift::Impl::emit_found(MutationEvent event,
                                      const policy::Judgement& judged,
                                      ActorId id, const InodeId& inode) {
  const Actor& who = actor(id);
  if (who.origin != Origin::unattributed &&
      !told.by_scan({event.path, event.kind, who.pid, inode},
                    options.clock.boot_ns())) {
    return;
  }
  emit(std::move(event), judged, id);
}

void ContainerDrift::Impl::emit(Kind kind, const std::string& path,
                                const Held& about) {
  if (!told.by_operation({path, kind, actor(about.actor).pid, about.inode},
                         about.boot_ns)) {
    return;
  }
  const auto judged = judge.verdict(kind, actor(about.actor).origin, path);
  MutationEvent event;
  event.time = about.time;
  event.kind = kind;
  event.path = path;
  event.from = about.from;
  event.count = about.count;
  emit(std::move(event), judged, about.actor);
}

void ContainerDrift::Impl::emit(MutationEvent event,
                                const policy::Judgement& judged, ActorId id) {
  event.verdict = judged.verdict;
  event.rule = judged.rule;
  event.actor = actor(id);
  if (judged.verdict == Verdict::violation) {
    history.violated(event.time, event.time, id);
  }
  if (sink) sink(event);
}

}  // namespace stillframe::drift
