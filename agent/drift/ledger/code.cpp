// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "agent/base/text.h"
#include "agent/drift/ledger/container_drift_impl.h"

namespace stillframe::drift {
namespace {

constexpr std::size_t kMaxHeldExecs = 256;

// A library is mapped whatever its mode.
bool differs(const Entry& entry, bool library) {
  const auto& d = entry.differs;
  return d.type || d.content || (d.mode && !library) || d.unknown;
}

// Without "." and empty components; ".." taken by the letter. Symbolic links
// are not followed: what does not resolve this way is no entry of the tree.
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

void ContainerDrift::Impl::observe(const ExecObservation& seen,
                                   const Actor& who) {
  const ActorId id = actors.intern(who);
  if (seen.kind == ExecKind::upper || seen.kind == ExecKind::script) {
    const bool wait =
        seen.kind == ExecKind::upper
            ? awaits_scan(seen.inode)
            : tree.find_path(script_path(seen)) == nullptr || !dirty.empty();
    if (wait && (full_due || under_way || !dirty.empty()) &&
        held_execs.size() < kMaxHeldExecs) {
      held_execs.push_back({seen, id});
      return;
    }
  }
  take_exec(seen, id);
}

bool ContainerDrift::Impl::awaits_scan(const InodeId& inode) const {
  const Entry* entry = tree.find(inode);
  return entry == nullptr || dirty.has(entry->parent);
}

std::string ContainerDrift::Impl::script_path(
    const ExecObservation& seen) const {
  if (starts_with(seen.path, "/")) return plain_path(seen.path);
  const std::string directory = tree.path_of(seen.directory);
  if (seen.directory && directory.empty()) return {};
  return plain_path(directory + "/" + seen.path);
}

void ContainerDrift::Impl::release_execs() {
  std::vector<HeldExec> waiting;
  waiting.swap(held_execs);
  for (const auto& exec : waiting) {
    const bool more = full_due || under_way || !dirty.empty();
    if (more && exec.seen.boot_ns >= last_scan_ns) {
      held_execs.push_back(exec);
    } else {
      take_exec(exec.seen, exec.actor);
    }
  }
}

void ContainerDrift::Impl::take_exec(const ExecObservation& seen, ActorId id) {
  if (seen.kind == ExecKind::script) {
    take_script(seen, id);
    return;
  }
  const Kind kind = kind_of_exec(seen);
  if (seen.kind != ExecKind::upper) {
    std::string path = seen.path;
    if (path.empty()) path = "(unknown)";
    code_record(RecordKey::of_path(path), kind, path, seen, id);
    return;
  }
  const Entry* entry = tree.find(seen.inode);
  if (entry == nullptr) {
    // Gone already: it was run all the same.
    code_record(RecordKey::of_path(seen.path), kind, seen.path, seen, id);
    return;
  }
  const std::string path = tree.path_of(*entry);
  if (entry->change == Change::added) {
    code_record(RecordKey::of_inode(seen.inode), kind, path, seen, id);
  } else if (entry->change == Change::changed &&
             differs(*entry, seen.library)) {
    code_record(RecordKey::of_inode(seen.inode),
                seen.library ? kind : Kind::exec_changed, path, seen, id);
  }
}

void ContainerDrift::Impl::take_script(const ExecObservation& seen,
                                       ActorId id) {
  const std::string path = script_path(seen);
  const Entry* entry = path.empty() ? nullptr : tree.find_path(path);
  if (entry == nullptr || entry->whiteout || entry->directory()) return;
  const bool changed = entry->change == Change::added ||
                       (entry->change == Change::changed &&
                        (entry->differs.content || entry->differs.type ||
                         entry->differs.unknown));
  if (!changed) return;
  code_record(RecordKey::of_inode(entry->inode), Kind::script_changed, path,
              seen, id);
}

void ContainerDrift::Impl::code_record(const RecordKey& key, Kind kind,
                                       const std::string& path,
                                       const ExecObservation& seen,
                                       ActorId id) {
  const auto time = options.clock.wall_at(seen.boot_ns);
  const bool runtime = kind == Kind::exec_volume && seen.starts_life;
  const bool fresh = ledger.find(key) == nullptr;
  if (Record* r = record_for(key, time, 1, id)) {
    r->kinds.add(kind);
    r->observed = true;
    r->live = true;
    r->own = false;
    r->first_exec = runtime && (fresh || r->first_exec);
    r->last_boot_ns = std::max(r->last_boot_ns, seen.boot_ns);
  }
  if (key.inode) {
    ran[key.inode.ino] = {key.inode, path};
    verdicts.rejudge_inode(key.inode);
  } else {
    verdicts.rejudge(key);
  }
  if (runtime) return;  // the container's own declared program
  Held about;
  about.boot_ns = seen.boot_ns;
  about.time = time;
  about.actor = id;
  emit(kind, path, about);
}

void ContainerDrift::Impl::observe(const SysctlObservation& seen,
                                   const Actor& who) {
  const ActorId id = actors.intern(who);
  const auto time = options.clock.wall_at(seen.boot_ns);
  const std::string path = "/proc/sys/" + seen.name;
  const auto key = RecordKey::of_path(path);
  if (Record* r = record_for(key, time, 1, id)) {
    r->kinds.add(Kind::sysctl_write);
    r->observed = true;
    r->live = true;
  }
  verdicts.rejudge(key);
  MutationEvent event;
  event.time = time;
  event.kind = Kind::sysctl_write;
  event.path = path;
  event.detail = seen.value;
  emit(std::move(event),
       judge.verdict(Kind::sysctl_write, actor(id).origin, path), id);
}

}  // namespace stillframe::drift
