// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "agent/drift/ledger/container_drift_impl.h"
#include "agent/drift/ledger/kinds.h"

namespace stillframe::drift {
namespace {

// Repeated changes of one inode are folded and told at most once a second: the
// state may be ahead of the last event by that much.
constexpr std::int64_t kFoldedNs = 2'000'000'000;

}  // namespace

void ContainerDrift::Impl::take_in(const UpperTree::Delta& delta,
                                   std::uint64_t started) {
  inherited.clear();
  moved.clear();
  for (const auto& [path, entry] : delta.vanished) {
    if (!entry.whiteout && tree.find(entry.inode) != nullptr) {
      moved[entry.inode.ino] = path;
    }
  }
  verdicts.vanished(delta.vanished);
  for (const Entry* entry : delta.appeared) attribute(*entry, true, started);
  for (const Entry* entry : delta.changed) attribute(*entry, false, started);

  std::vector<const std::pair<std::string, Entry>*> gone;
  for (const auto& one : delta.vanished) gone.push_back(&one);
  std::sort(gone.begin(), gone.end(),
            [](auto* a, auto* b) { return a->first < b->first; });
  for (const auto* one : gone) vanished(one->first, one->second, started);
  keep_ran(started);

  for (const Entry* entry : delta.appeared) verdicts.rejudge(*entry);
  for (const Entry* entry : delta.changed) verdicts.rejudge(*entry);
  verdicts.settle();
}

// Programs that were run and whose inode is gone keep a record by path.
void ContainerDrift::Impl::keep_ran(std::uint64_t started) {
  for (auto it = ran.begin(); it != ran.end();) {
    const Record* r = ledger.find(RecordKey::of_inode(it->second.inode));
    const std::string path = tree.path_of(it->second.inode);
    if (!path.empty()) it->second.path = path;
    if (r == nullptr) {
      it = ran.erase(it);
    } else if (path.empty() && r->last_boot_ns < started) {
      retire(it->second.inode, it->second.path);
      it = ran.erase(it);
    } else {
      ++it;
    }
  }
}

// Whether the ledger knows how this entry came to be what it is.
bool ContainerDrift::Impl::accounted(const Entry& entry, const Record& r,
                                     std::uint64_t started) const {
  if (entry.whiteout || r.last_boot_ns >= started) return true;
  // A directory's ctime moves with its entries; nor is there an event of its
  // own when it is renamed.
  if (entry.directory()) {
    const bool renamed =
        r.kinds.has(Kind::file_rename) && r.last_boot_ns >= previous_scan_ns;
    if (moved.contains(entry.inode.ino) && !renamed) return false;
    return explained(r.kinds, entry) == r.kinds;
  }
  return entry.ctime.ns <= r.last_seen.ns + kFoldedNs;
}

std::optional<Choice> ContainerDrift::Impl::choose(const Entry& entry,
                                                   bool appeared) const {
  const auto from_above = inherited.find(entry.parent.ino);
  if (from_above != inherited.end()) return from_above->second;
  // A directory of which nothing but the mtime differs: by what came and went
  // in it.
  const auto& d = entry.differs;
  if (entry.directory() && entry.change == Change::changed && !d.opaque &&
      !d.type && !d.any_metadata()) {
    if (auto inside = candidates.choose(entry.inode, "", std::nullopt)) {
      inside->candidate.op = FileOp::open;
      return inside;
    }
  }
  std::optional<std::int64_t> made;
  if (appeared && !entry.whiteout) {
    made = entry.ctime.ns - options.clock.wall_at(0).ns;
  }
  auto choice = candidates.choose(entry.parent, entry.name, made);
  if (choice || !entry.whiteout) return choice;
  // Whoever put a directory in another one's place took away what it lacks.
  const Entry* above = tree.find(entry.parent);
  if (above == nullptr || !above->parent) return choice;
  return candidates.choose(above->parent, above->name, std::nullopt);
}

// Whether a new name is one more of a file that the image holds.
bool ContainerDrift::Impl::names_image_file(const Entry& entry) const {
  if (entry.whiteout || entry.links <= 1) return false;
  for (const Entry* alias : tree.aliases(entry.inode)) {
    if (alias->change == Change::changed) return true;
  }
  return false;
}

// A new name of an inode whose own story is known: the link is another's deed,
// maybe, and makes no event of the inode.
void ContainerDrift::Impl::note_link(const Entry& entry) {
  if (entry.whiteout || entry.directory()) return;
  const auto choice = choose(entry, false);
  if (!choice || choice->candidate.op != FileOp::link) return;
  const auto& link = choice->candidate;
  // Its other names may appear in the same directory; an only one is that of a
  // file made without (O_TMPFILE).
  if (entry.links > 1 && !link.hint.empty() && link.hint != entry.name) return;
  const auto key = key_of(entry);
  const WallTime time = options.clock.wall_at(link.last_ns);
  Record* r = record_for(key, time, 1, link.actor);
  if (r == nullptr) return;
  if (!r->kinds.has(Kind::file_rename) && !names_image_file(entry)) {
    r->kinds.add(create_kind(entry.mode));  // it was made before it was linked
  }
  r->kinds.add(Kind::file_link);
  r->last_boot_ns = std::max(r->last_boot_ns, link.last_ns);
  if (link.own) return;
  const std::string path = tree.path_of(entry);
  MutationEvent event;
  event.time = time;
  event.kind = Kind::file_link;
  event.path = path;
  const auto judged = judge.verdict(event.kind, actor(link.actor).origin, path);
  emit(std::move(event), judged, link.actor);
}

// Overlay puts an opaque directory in the place of one that it removes, for a
// moment. Whether a scan saw that of a removal that has been told since.
bool ContainerDrift::Impl::being_removed(const Entry& entry,
                                         std::uint64_t started) const {
  if (!entry.differs.opaque) return false;
  const Record* removal = ledger.find(place_of(entry));
  return removal != nullptr && removal->last_boot_ns >= started;
}

void ContainerDrift::Impl::attribute(const Entry& entry, bool appeared,
                                     std::uint64_t started) {
  const auto key = key_of(entry);
  Record* known = ledger.find(key);
  if (known != nullptr && known->unsettled) {
    known->kinds.add(observed_kinds(entry));
    known->unsettled = false;
    ledger.touch(key);
  }
  if (entry.change == Change::none || being_removed(entry, started)) return;
  if (known != nullptr && appeared && entry.links > 1 &&
      entry.change == Change::changed && !entry.differs.content &&
      known->kinds.has(Kind::file_create)) {
    // Another name of it was found first and taken for a new file.
    known->kinds.remove(Kind::file_create);
    known->kinds.add(Kind::file_link);
    ledger.touch(key);
  }
  if (known != nullptr && accounted(entry, *known, started)) {
    if (appeared) note_link(entry);
    return;
  }

  const auto choice = choose(entry, appeared);
  const WallTime now = options.clock.wall();
  WallTime time = entry.ctime.ns > 0 && entry.ctime < now ? entry.ctime : now;
  KindList kinds = state_kinds(entry);
  Actor who;
  std::uint64_t boot_ns = 0;
  if (choice) {
    const auto& candidate = choice->candidate;
    kinds = kinds_by_operation(candidate.op, entry);
    boot_ns = candidate.last_ns;
    time = options.clock.wall_at(boot_ns);
    who = actor(candidate.actor);
    who.ambiguous = choice->ambiguous;
    if (appeared && entry.directory()) inherited[entry.inode.ino] = *choice;
  }
  if (kinds.has(Kind::file_create) && names_image_file(entry)) {
    kinds.remove(Kind::file_create);
    kinds.add(Kind::file_link);
  }
  const ActorId id = actors.intern(who);
  std::string from;
  if (const auto it = moved.find(entry.inode.ino);
      it != moved.end() && appeared && !entry.whiteout) {
    from = it->second;
    if (entry.directory()) {
      kinds = {};
      kinds.add(Kind::file_rename);
    }
  }
  const bool own_write =
      choice ? choice->candidate.own : made_before_life(entry);
  const bool fresh = known == nullptr;
  if (Record* r = record_for(key, time, 1, id)) {
    r->kinds.add(kinds);
    r->own = own_write && (fresh || r->own);
    r->observed = r->observed || choice.has_value();
    r->live = r->live || (choice && choice->candidate.live);
    r->last_boot_ns = std::max(r->last_boot_ns, boot_ns);
    if (ledger.from(key).empty()) ledger.set_from(key, from);
  }
  if (own_write) return;
  const std::string path = tree.path_of(entry);
  const Judged judged = verdicts.row(entry, path);
  if (judged.judgement.verdict == Verdict::runtime) return;
  for (const Kind kind : kinds.list()) {
    MutationEvent event;
    event.time = time;
    event.kind = kind;
    event.path = path;
    if (kind == Kind::file_rename) event.from = from;
    emit_found(std::move(event), judged.judgement, id, entry.inode);
  }
}

void ContainerDrift::Impl::vanished(const std::string& path, const Entry& entry,
                                    std::uint64_t started) {
  const auto place = place_of(entry);
  if (entry.whiteout) {
    const Record* r = ledger.find(place);
    const Entry* there = tree.find(entry.parent, entry.name);
    const bool again = there != nullptr && there->whiteout;
    if (r != nullptr && !again && r->last_boot_ns < started) {
      ledger.erase(place);
    }
    return;
  }
  if (tree.find(entry.inode) != nullptr) {
    verdicts.rejudge_inode(entry.inode);  // moved, or another name of it went
    return;
  }
  const auto key = RecordKey::of_inode(entry.inode);
  const Record* r = ledger.find(key);
  if (r != nullptr && r->last_boot_ns >= started) return;  // in use again
  const bool seen_going =
      (r != nullptr && r->gone) || ledger.find(place) != nullptr;
  if (r != nullptr) retire(entry.inode, path);
  if (seen_going || entry.change != Change::added ||
      tree.find(entry.parent, entry.name) != nullptr) {
    return;  // told already, or told by what is in its place
  }
  auto choice = candidates.choose(entry.parent, entry.name, std::nullopt);
  const auto from_above = inherited.find(entry.parent.ino);
  if (!choice && from_above != inherited.end()) choice = from_above->second;
  if (choice && choice->candidate.own) return;
  Actor who;
  MutationEvent event;
  event.time = options.clock.wall();
  event.kind = delete_kind(entry.mode);
  event.path = path;
  if (choice) {
    who = actor(choice->candidate.actor);
    who.ambiguous = choice->ambiguous;
    event.time = options.clock.wall_at(choice->candidate.last_ns);
    if (entry.directory()) inherited[entry.inode.ino] = *choice;
  }
  const auto judged = judge.verdict(event.kind, who.origin, path);
  emit_found(std::move(event), judged, actors.intern(who), entry.inode);
}

}  // namespace stillframe::drift
