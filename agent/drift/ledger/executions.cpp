// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/executions.h"

#include <algorithm>

#include "agent/base/text.h"

namespace stillframe::drift {
namespace {

constexpr std::size_t kMaxDeferred = 256;
// So long a program waits for the look at where it was made, at most.
constexpr std::uint64_t kPatienceNs = 2'000'000'000;

// A library is mapped whatever its mode.
bool differs(const Entry& entry, bool library) {
  const auto& d = entry.differs;
  return d.type || d.content || (d.mode && !library) || d.unknown;
}

// Without "." and empty components; ".." taken by the letter. Symbolic links
// are not followed: what does not resolve this way is not an entry of the tree.
std::string plain_path(std::string_view path) {
  std::vector<std::string> parts;
  for (auto& part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(std::move(part));
    } else if (!parts.empty()) {
      parts.pop_back();
    }
  }
  std::string out;
  for (const auto& part : parts) out += "/" + part;
  return out.empty() ? "/" : out;
}

Kind kind_of_exec(const ExecObservation& seen) {
  if (seen.library) return Kind::library_new;
  switch (seen.kind) {
    case ExecKind::upper:
      return Kind::exec_new;
    case ExecKind::memfd:
      return Kind::exec_memfd;
    case ExecKind::deleted:
      return Kind::exec_deleted;
    case ExecKind::volume:
      return Kind::exec_volume;
    case ExecKind::script:
      return Kind::script_changed;
  }
  return Kind::exec_new;
}

}  // namespace

void Executions::load() {
  books_.ledger.for_each([this](const RecordKey& key, const Record& r) {
    if (key.inode && r.kinds.has_class(Class::code)) {
      executed_[key.inode.ino] = {key.inode, ""};
    }
  });
}

void Executions::observe(const ExecObservation& seen, const Actor& by) {
  const ActorId id = books_.actors.intern(by);
  const bool waits =
      seen.found_running || (plan_.any_pending() && needs_scan(seen));
  if (waits && deferred_.size() < kMaxDeferred) {
    deferred_.push_back({seen, id});
  } else if (!seen.found_running) {
    take(seen, id);
  }
}

bool Executions::needs_scan(const ExecObservation& seen) const {
  if (seen.kind == ExecKind::script) {
    return books_.tree.find_path(script_path(seen)) == nullptr ||
           plan_.marked();
  }
  if (seen.kind != ExecKind::upper) return false;
  const Entry* entry = books_.tree.find(seen.inode);
  return entry == nullptr || plan_.pending(entry->parent);
}

std::string Executions::script_path(const ExecObservation& seen) const {
  const bool absolute = starts_with(seen.path, "/");
  if (!seen.directory) return absolute ? plain_path(seen.path) : std::string();
  const std::string start = books_.tree.path_of(seen.directory);
  if (start.empty()) return {};
  // Whoever's root lies deeper cannot leave it by "..".
  return plain_path(start + "/" +
                    (absolute ? plain_path(seen.path) : seen.path));
}

// What is not known yet lies in one of the directories that were marked before
// it was run (`marked`: since when the oldest is), and a scan of another one
// has not shown it.
bool Executions::still_waits(const ExecObservation& seen,
                             std::uint64_t marked) const {
  if (!plan_.any_pending()) return false;
  if (seen.boot_ns >= plan_.last_start()) return true;
  if (seen.boot_ns + kPatienceNs < plan_.last_start()) return false;
  const Entry* entry =
      seen.kind == ExecKind::upper ? books_.tree.find(seen.inode) : nullptr;
  return entry != nullptr ? plan_.pending(entry->parent)
                          : marked <= seen.boot_ns;
}

void Executions::scanned() {
  if (deferred_.empty()) return;
  const std::uint64_t marked = plan_.oldest_mark();
  std::vector<Deferred> waiting;
  waiting.swap(deferred_);
  for (const auto& exec : waiting) {
    if (still_waits(exec.seen, marked)) {
      deferred_.push_back(exec);
    } else {
      take(exec.seen, exec.actor);
    }
  }
}

void Executions::keep(std::uint64_t started, bool everything) {
  for (auto it = executed_.begin(); it != executed_.end();) {
    auto& [inode, where] = it->second;
    const Record* r = books_.ledger.find(RecordKey::of_inode(inode));
    const std::string path = books_.tree.path_of(inode);
    if (!path.empty()) where = path;
    // One that was in the tree and is not any more, or that a look at
    // everything did not meet.
    const bool missed = path.empty() && (everything || !where.empty());
    if (r == nullptr) {
      it = executed_.erase(it);
    } else if (missed && r->last_boot_ns < started) {
      records_.retire(inode, where);
      it = executed_.erase(it);
    } else {
      ++it;
    }
  }
}

void Executions::take(const ExecObservation& seen, ActorId by) {
  if (seen.found_running) {
    take_running(seen, by);
    return;
  }
  if (seen.kind == ExecKind::script) {
    take_script(seen, by);
    return;
  }
  const Kind kind = kind_of_exec(seen);
  if (seen.kind != ExecKind::upper) {
    std::string path = seen.path;
    if (path.empty()) path = "(unknown)";
    record(RecordKey::of_path(path), kind, path, seen, by);
    return;
  }
  const Entry* entry = books_.tree.find(seen.inode);
  if (entry == nullptr) {
    // Gone already: it was executed anyway.
    record(RecordKey::of_path(seen.path), kind, seen.path, seen, by);
    return;
  }
  const auto key = RecordKey::of_inode(seen.inode);
  const std::string path = books_.tree.path_of(*entry);
  if (entry->change == Change::added) {
    record(key, kind, path, seen, by);
  } else if (entry->change == Change::changed &&
             differs(*entry, seen.library)) {
    record(key, seen.library ? kind : Kind::exec_changed, path, seen, by);
  }
}

void Executions::take_running(const ExecObservation& seen, ActorId by) {
  const Entry* entry = books_.tree.find_path(seen.path);
  if (entry == nullptr || entry->whiteout || entry->directory()) return;
  const bool added = entry->change == Change::added;
  if (!added && (entry->change != Change::changed || !differs(*entry, false))) {
    return;
  }
  const Kind kind = added ? Kind::exec_new : Kind::exec_changed;
  const auto key = RecordKey::of_inode(entry->inode);
  const Record* r = books_.ledger.find(key);
  // An agent of before has seen it.
  if (r != nullptr && r->kinds.has(kind)) return;
  record(key, kind, books_.tree.path_of(*entry), seen, by);
}

void Executions::take_script(const ExecObservation& seen, ActorId by) {
  const std::string path = script_path(seen);
  const Entry* entry = path.empty() ? nullptr : books_.tree.find_path(path);
  if (entry == nullptr || entry->whiteout || entry->directory()) return;
  const bool changed = entry->change == Change::added ||
                       (entry->change == Change::changed &&
                        (entry->differs.content || entry->differs.type ||
                         entry->differs.unknown));
  if (!changed) return;
  record(RecordKey::of_inode(entry->inode), Kind::script_changed, path, seen,
         by);
}

void Executions::record(const RecordKey& key, Kind kind,
                        const std::string& path, const ExecObservation& seen,
                        ActorId by) {
  const auto time = books_.clock.wall_at(seen.boot_ns);
  const bool runtime = kind == Kind::exec_volume && seen.starts_life;
  const bool fresh = books_.ledger.find(key) == nullptr;
  if (Record* r = records_.add(key, time, 1, by)) {
    r->kinds.add(kind);
    r->observed = true;
    r->live = true;
    r->first_exec = runtime && (fresh || r->first_exec);
    r->last_boot_ns = std::max(r->last_boot_ns, seen.boot_ns);
  }
  if (key.inode) {
    executed_[key.inode.ino] = {key.inode, path};
    verdicts_.rejudge_inode(key.inode);
  } else {
    verdicts_.rejudge(key);
  }
  if (runtime) return;  // the container's own declared program
  Operation about;
  about.boot_ns = seen.boot_ns;
  about.actor = by;
  announcer_.operation(kind, path, about);
}

}  // namespace stillframe::drift
