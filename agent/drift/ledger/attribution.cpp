// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/attribution.h"

#include <algorithm>
#include <utility>

#include "agent/drift/ledger/kinds.h"

namespace stillframe::drift {
namespace {

// Repeated changes of one inode are folded and reported at most once a second:
// the state may be ahead of the last event by that much.
constexpr std::int64_t kFoldedNs = 2'000'000'000;

// The directory of the new name, as the path calls it. Of those alone who give
// names to what there is.
std::string named_above(const FileObservation& seen) {
  if (seen.op != FileOp::link && seen.op != FileOp::rename) return "";
  std::string above =
      parent_name(seen.hint_to.empty() ? seen.hint : seen.hint_to);
  return above == "." || above == ".." ? "" : above;
}

}  // namespace

void Attribution::at_work(const FileObservation& seen, ActorId by) {
  Candidate candidate;
  candidate.actor = by;
  candidate.op = seen.op;
  candidate.first_ns = seen.boot_ns;
  candidate.last_ns = seen.boot_ns;
  candidate.until_ns = seen.folded_until_ns;
  candidate.hint = base_name(seen.hint);
  candidate.to = base_name(seen.hint_to);
  candidate.cut = seen.hint_cut;
  candidate.above = named_above(seen);
  candidate.direct = seen.direct;
  candidate.live = seen.live;
  candidates_.add(seen.inode, std::move(candidate));
}

void Attribution::settle(const InodeId& directory, std::uint64_t started) {
  note_taken_again(directory, started);
  candidates_.settle(directory, started);
}

void Attribution::settle_all(std::uint64_t started) {
  for (const auto& directory : candidates_.directories()) {
    note_taken_again(directory, started);
  }
  candidates_.settle_all(started);
}

void Attribution::take_in(const UpperTree::Delta& delta, std::uint64_t started,
                          Executions& executions, bool everything) {
  inherited_.clear();
  moved_.clear();
  lost_.clear();
  gained_.clear();
  vacated_.clear();
  former_.clear();
  for (const auto& [path, entry] : delta.vanished) {
    vacated_[entry.parent.ino].insert(entry.name);
    if (entry.directory() && !entry.whiteout) {
      former_[{entry.parent.ino, entry.name}] = entry.inode;
    }
    if (entry.whiteout || books_.tree.find(entry.inode) == nullptr) continue;
    // Of a file with more names one has gone, and it may be there still.
    if (!entry.directory() && entry.links > 1) {
      lost_[entry.inode.ino].insert(path);
    } else {
      moved_[entry.inode.ino] = path;
    }
  }
  for (const Entry* entry : delta.appeared) {
    if (entry->whiteout) continue;
    if (entry->directory()) {
      note_return(*entry);
    } else if (entry->links > 1) {
      ++gained_[entry->inode.ino];
    }
  }
  verdicts_.vanished(delta.vanished);
  for (const auto& one : awaited_.take(
           [this](const Awaited& waiting) { return done_since(waiting); })) {
    take_up(one);
  }
  for (const Entry* entry : delta.appeared) attribute(*entry, true, started);
  for (const Entry* entry : delta.changed) attribute(*entry, false, started);

  std::vector<const std::pair<std::string, Entry>*> gone;
  for (const auto& one : delta.vanished) gone.push_back(&one);
  std::sort(gone.begin(), gone.end(),
            [](auto* a, auto* b) { return a->first < b->first; });
  for (const auto* one : gone) {
    vanished(one->first, one->second, started, nullptr);
  }
  rejudge_outlived();
  executions.keep(started, everything);

  for (const Entry* entry : delta.appeared) verdicts_.rejudge(*entry);
  for (const Entry* entry : delta.changed) verdicts_.rejudge(*entry);
  verdicts_.settle();
}

// Whether the ledger knows how this entry came to be what it is.
bool Attribution::accounted(const Entry& entry, const Record& r,
                            std::uint64_t started, bool moved) const {
  if (entry.whiteout || r.unsettled || r.last_boot_ns >= started) return true;
  // A directory's ctime moves with its entries; nor is there an event of its
  // own when it is renamed.
  if (entry.directory()) {
    const bool renamed = r.kinds.has(Kind::file_rename) &&
                         r.last_boot_ns >= plan_.previous_start();
    if (moved && !renamed) return false;
    return explained(r.kinds, entry) == r.kinds;
  }
  const WallTime moved_until = books_.ledger.ctime_moved(key_of(entry));
  return entry.ctime.ns <= std::max(r.last_seen, moved_until).ns + kFoldedNs;
}

// In boot time.
std::int64_t Attribution::changed_at(const Entry& entry) const {
  return entry.ctime.ns - books_.clock.wall_at(0).ns;
}

std::optional<Choice> Attribution::choose(const Entry& entry,
                                          bool appeared) const {
  // A directory of which nothing but the mtime differs: by what came and went
  // in it.
  const auto& d = entry.differs;
  if (entry.directory() && entry.change == Change::changed && !d.opaque &&
      !d.type && !d.any_metadata()) {
    if (auto inside = candidates_.anyone(entry.inode)) return inside;
  }
  std::optional<std::int64_t> made;
  if (appeared && !entry.whiteout) made = changed_at(entry);
  auto choice = candidates_.choose(entry.parent, entry, made);
  if (choice) return with_takers(std::move(*choice), entry);
  if (auto by = brought_by(entry)) {
    // Another may have taken it away before, at another place.
    if (entry.whiteout) by->doubt();
    return by;
  }
  if (!entry.whiteout) return choice;
  // Whoever put a directory in another one's place took away what it lacks. To
  // be put there leaves a mark, but where there is no overlay.
  const Entry* above = books_.tree.find(entry.parent);
  if (above == nullptr || !above->parent) return choice;
  const bool put = above->change == Change::added || above->differs.opaque ||
                   above->redirect() != nullptr;
  if (entry.inode && !put) return choice;
  if (entry.inode) {
    return candidates_.choose(above->parent, *above, std::nullopt);
  }
  choice = takers(*above);
  // Without an overlay another may have done that before.
  if (choice) choice->doubt();
  return choice;
}

// Overlay puts an opaque directory in the place of one that it removes, for a
// moment. Whether a scan saw that of a removal that has been reported since, or
// a little before: overlay reports it before it is done.
bool Attribution::being_removed(const Entry& entry,
                                std::uint64_t started) const {
  if (!entry.differs.opaque || books_.tree.plain()) return false;
  const Record* removal = books_.ledger.find(place_of(entry));
  return removal != nullptr &&
         removal->last_boot_ns + kBeingRemovedNs >= started;
}

// What the directory that it is in is called.
std::string_view Attribution::name_above(const Entry& entry) const {
  const Entry* above = books_.tree.find(entry.parent);
  return above == nullptr ? std::string_view() : above->name;
}

// Whether they put files that there were in the place of others, all of them:
// no bytes of any were changed.
bool Attribution::moved_in(const Choice& choice) {
  return std::all_of(choice.all().begin(), choice.all().end(),
                     [](const auto& c) {
                       return c.op == FileOp::link || c.op == FileOp::rename;
                     });
}

// Whether what the image has there was replaced by another file, or by one that
// had no name (O_TMPFILE): it was given this one, and who copies up to link
// elsewhere leaves all as it was.
bool Attribution::linked_there(const Entry& entry, const Choice& choice) const {
  if (entry.change != Change::changed || entry.directory() ||
      choice.op() != FileOp::link || !choice.all_named(entry.name)) {
    return false;
  }
  const auto& d = entry.differs;
  return put_there(entry) || (entry.links <= 1 && (d.sure() || d.time));
}

Attribution::Explanation Attribution::explain(
    const Entry& entry, const std::optional<Choice>& choice) {
  Explanation out;
  out.by = who(choice);
  if (choice) {
    // What was done in a directory or below it has copied it up, no more.
    const bool below = entry.directory() && entry.change == Change::changed &&
                       !entry.differs.opaque && !entry.differs.type;
    const auto op = below ? FileOp::open : choice->op();
    // Another directory than the image's, maybe for a moment while overlay
    // removes one: nobody has changed its attributes.
    Entry put = entry;
    if (put.differs.opaque) {
      put.differs = {.type = entry.differs.type, .opaque = true};
    }
    if (choice->brought() && entry.change == Change::added) {
      out.kinds.add(Kind::file_rename);
    } else if (linked_there(entry, *choice)) {
      out.kinds.add(Kind::file_link);
    } else {
      // Of several that did different things nobody knows which it was.
      out.kinds = op ? kinds_by_operation(*op, put, choice->direct())
                     : state_kinds(put);
    }
    out.boot_ns = choice->latest().last_ns;
    out.time = books_.clock.wall_at(out.boot_ns);
  } else {
    const WallTime now = books_.clock.wall();
    out.kinds = state_kinds(entry);
    out.time = entry.ctime.ns > 0 && entry.ctime < now ? entry.ctime : now;
  }
  if (out.kinds.has(Kind::file_create) &&
      (names_image_file(entry) ||
       (choice && choice->linked(entry.name, name_above(entry))))) {
    out.kinds.remove(Kind::file_create);
    out.kinds.add(Kind::file_link);
  }
  return out;
}

// Each of several may be innocent: all of them are recorded, marked, and the
// event names what is true of whichever it was.
Attribution::Culprits Attribution::who(
    const std::optional<Choice>& choice) const {
  Culprits out;
  if (!choice) {
    out.named = books_.actors.intern({});
    out.all.push_back(out.named);
    return out;
  }
  std::optional<Actor> common;
  for (const auto& candidate : choice->all()) {
    Actor one = books_.actors.get(candidate.actor);
    one.ambiguous = one.ambiguous || choice->ambiguous();
    const ActorId id = books_.actors.intern(one);
    std::erase(out.all, id);
    out.all.push_back(id);
    common = common ? in_common(*common, one) : one;
  }
  out.named = books_.actors.intern(*common);
  return out;
}

Record* Attribution::add(const RecordKey& key, WallTime time,
                         const Culprits& by) {
  Record* r = nullptr;
  for (const ActorId id : by.all) {
    r = records_.add(key, time, r == nullptr ? 1 : 0, id);
  }
  return r;
}

void Attribution::attribute(const Entry& entry, bool appeared,
                            std::uint64_t started) {
  Found found{entry, books_.tree.path_of(entry), "", appeared, started};
  if (const auto it = moved_.find(entry.inode.ino);
      it != moved_.end() && !entry.whiteout) {
    found.from = it->second;
  }
  attribute(found, nullptr);
}

void Attribution::attribute(const Found& found, const Awaited* waited) {
  const Entry& entry = found.entry;
  const auto key = key_of(entry);
  Record* known = books_.ledger.find(key);
  if (known != nullptr && known->unsettled && !entry.differs.unread &&
      !unsettled_.waits(entry.inode)) {
    // From before the agent was started again.
    if (known->kinds.empty()) known->kinds.add(observed_kinds(entry));
    books_.ledger.set_ctime_moved(key, {});
    known->unsettled = false;
    books_.ledger.touch(key);
  }
  if (entry.change == Change::none || being_removed(entry, found.started)) {
    return;
  }
  // It came along with a directory, whose record says who moved it; or whether
  // it differs is not known yet.
  const bool unread = entry.differs.unread && !entry.differs.sure();
  if (known == nullptr && (entry.carrier() || unread)) return;
  if (known != nullptr && found.appeared && entry.links > 1 &&
      entry.change == Change::changed && !entry.differs.content &&
      known->kinds.has(Kind::file_create)) {
    // Another name of it was found first and taken for a new file.
    known->kinds.remove(Kind::file_create);
    known->kinds.add(Kind::file_link);
    books_.ledger.touch(key);
  }
  const bool moved = !found.from.empty();
  if (known != nullptr &&
      (accounted(entry, *known, found.started, moved) || only_named(found))) {
    if (found.appeared) {
      note_name(found, waited);
      if (known = books_.ledger.find(key); known != nullptr) {
        note_origin(found, *known, waited);
      }
    } else if (entry.change == Change::added && !shows_origin(known->kinds)) {
      note_coming(found);
    }
    return;
  }

  auto choice = after_waiting(waited, choose(entry, found.appeared));
  const bool first = known == nullptr || entry.directory();
  const bool other_names = choice && first && linked_maybe(*choice, found);
  const bool more_to_come =
      !choice || (first && begun(*choice, entry)) || other_names;
  if (more_to_come && waited == nullptr && young(entry)) {
    const bool alone = !choice && candidates_.nobody_in(entry.parent);
    if (awaited_.add({entry, found.path, found.from, found.appeared, false,
                      found.started, books_.clock.boot_ns(), alone, choice,
                      other_names})) {
      return;
    }
  }
  if (choice && changed_by_others(*choice, entry)) choice.reset();
  record(found, choice);
}

// Whether they have linked elsewhere what the image has there, which copies it
// up and changes no more, and it differs: by whom, they do not say.
bool Attribution::changed_by_others(const Choice& choice,
                                    const Entry& entry) const {
  if (entry.change != Change::changed || entry.directory() ||
      choice.op() != FileOp::link || linked_there(entry, choice)) {
    return false;
  }
  const auto& d = entry.differs;
  return d.content || d.type || d.any_metadata();
}

// Whether it was seen copied up, and differs already: by what, the report of
// the call that had it copied up says; of a directory, that of who changed
// itself.
bool Attribution::begun(const Choice& choice, const Entry& entry) const {
  if (entry.change != Change::changed || entry.differs.opaque) return false;
  if (entry.directory()) return entry.differs.any_metadata();
  if (changed_by_others(choice, entry)) return true;
  return entry.differs.content &&
         std::any_of(choice.all().begin(), choice.all().end(),
                     [](const auto& c) { return c.op == FileOp::open; });
}

// Whether it may be one more name of a file whose others have not been found:
// nobody who was seen there is known to have made it.
bool Attribution::linked_maybe(const Choice& choice, const Found& found) const {
  const Entry& entry = found.entry;
  return found.appeared && entry.change == Change::added &&
         !entry.directory() && entry.links > 1 &&
         choice.op().value_or(FileOp::unknown) == FileOp::unknown &&
         books_.tree.aliases(entry.inode)->all.size() <= 1;
}

// Whether it is there still. What a scan has found may be gone by now, and what
// has its inode number since is another's work.
bool Attribution::here(const Found& found) const {
  const Entry& entry = found.entry;
  if (books_.ledger.reused(key_of(entry), found.started)) return false;
  if (!entry.whiteout) return books_.tree.find(entry.inode) != nullptr;
  const Entry* there = books_.tree.find(entry.parent, entry.name);
  return there != nullptr && there->whiteout;
}

// Whether the report of what was done to it may still come.
bool Attribution::young(const Entry& entry) const {
  return books_.clock.wall().ns <
         entry.ctime.ns +
             static_cast<std::int64_t>(AwaitedReports::kPatienceNs);
}

void Attribution::record(const Found& found,
                         const std::optional<Choice>& choice) {
  const Entry& entry = found.entry;
  const auto key = key_of(entry);
  // What is in a directory that was made here was made by itself; what is in
  // one that was moved, by io_uring perhaps, came along.
  if (choice && found.appeared && entry.directory() &&
      (choice->op() == FileOp::rename || !found.from.empty())) {
    inherited_.insert_or_assign(entry.inode.ino, *choice);
  }
  Entry sure = entry;
  sure.differs.unread = false;
  auto [kinds, time, boot_ns, by] = explain(sure, choice);
  std::string from;
  if (found.appeared) from = found.from;
  if (found.appeared && from.empty() && choice &&
      choice->op() == FileOp::rename) {
    from = take_lost(entry.inode);
  }
  if (!from.empty() && entry.directory()) {
    kinds = {};
    kinds.add(Kind::file_rename);
  }
  // One that was moved is not where it was when others worked in it.
  if (entry.directory() &&
      (entry.differs.any_metadata() || entry.change == Change::added)) {
    records_.forget_bystanders(key);
  }
  // An inode that is gone has no record: its number may be another's soon.
  Record* r = here(found) ? add(key, time, by) : nullptr;
  if (r != nullptr) {
    r->kinds.add(kinds);
    r->observed = r->observed || choice.has_value();
    r->live = r->live || (choice && choice->live());
    r->last_boot_ns = std::max(r->last_boot_ns, boot_ns);
    if (books_.ledger.from(key).empty()) books_.ledger.set_from(key, from);
  }
  const Judged judged = verdicts_.row(entry, found.path);
  if (judged.judgement.verdict == Verdict::runtime) return;
  for (const Kind kind : kinds.list()) {
    MutationEvent event;
    event.time = time;
    event.kind = kind;
    event.path = found.path;
    if (kind == Kind::file_rename) event.from = from;
    announcer_.found(std::move(event), judged.judgement, by.named, by.all,
                     entry.inode);
  }
}

void Attribution::reported(const FileObservation& seen) {
  if (!awaited_.may_concern(seen)) return;
  for (const auto& one : awaited_.take([&seen](const Awaited& waiting) {
         return concerns(seen, waiting);
       })) {
    if (!explains(seen, one)) take_up(one);
  }
}

// Whether somebody was seen since who can have done it, where nobody had been.
bool Attribution::done_since(const Awaited& one) const {
  Entry entry = one.entry;
  entry.whiteout = entry.whiteout || one.vanished;
  const auto choice = choose(entry, one.appeared);
  return choice && may_have_come(one, *choice);
}

// Where others had been seen, who came later is known by having named it: of
// one name of several, and of one that is hidden, there is no other report.
bool Attribution::may_have_come(const Awaited& one, const Choice& choice) {
  if (one.alone) return true;
  const Entry& entry = one.entry;
  const bool by_name_alone =
      entry.whiteout || (!entry.directory() && entry.links > 1);
  return by_name_alone && choice.all_named(entry.name);
}

std::optional<Choice> Attribution::after_waiting(const Awaited* waited,
                                                 std::optional<Choice> seen) {
  if (waited == nullptr) return seen;
  if (waited->by) return waited->by;
  if (seen && !may_have_come(*waited, *seen)) seen.reset();
  return seen;
}

void Attribution::give_up_waiting(std::uint64_t now) {
  if (awaited_.empty()) return;
  for (const auto& one : awaited_.take([now](const Awaited& waiting) {
         return waiting.since_ns + AwaitedReports::kPatienceNs <= now;
       })) {
    take_up(one);
  }
}

void Attribution::give_up_waiting() {
  for (const auto& one : awaited_.take([](const auto&) { return true; })) {
    take_up(one);
  }
}

void Attribution::take_up(const Awaited& one) {
  if (one.vanished) {
    vanished(one.path, one.entry, one.started, &one);
    rejudge_outlived();
    return;
  }
  const Entry* now = books_.tree.find(one.entry.parent, one.entry.name);
  const bool there = now != nullptr && now->whiteout == one.entry.whiteout &&
                     same_inode(now->inode, one.entry.inode);
  if (!there)
    now = one.entry.whiteout ? nullptr : books_.tree.find(one.entry.inode);
  if (now != nullptr) {
    attribute(
        {*now, books_.tree.path_of(*now), one.from, one.appeared, one.started},
        &one);
    verdicts_.rejudge(*now);
    return;
  }
  // It is gone by now.
  attribute({one.entry, one.path, one.from, one.appeared, one.started}, &one);
}

void Attribution::rejudge_outlived() {
  for (const InodeId& inode : std::exchange(outlived_, {})) {
    verdicts_.rejudge_inode(inode);
  }
}

void Attribution::vanished(const std::string& path, const Entry& entry,
                           std::uint64_t started, const Awaited* waited) {
  const auto place = place_of(entry);
  if (entry.whiteout) {
    const Record* r = books_.ledger.find(place);
    const Entry* there = books_.tree.find(entry.parent, entry.name);
    const bool again = there != nullptr && there->whiteout;
    if (r != nullptr && !again && r->last_boot_ns < started) {
      books_.ledger.erase(place);
    }
    return;
  }
  const bool lives_on = books_.tree.find(entry.inode) != nullptr;
  if (lives_on) {
    outlived_.insert(entry.inode);
    // Moved; or of several names one went, unless it was given another.
    if (waited == nullptr && !take_lost(entry.inode, path)) return;
  } else if (waited == nullptr) {
    note_departure(path, entry);
  }
  if (entry.carried) return;  // its directory moved on
  const auto key = RecordKey::of_inode(entry.inode);
  const Record* r = lives_on ? nullptr : books_.ledger.find(key);
  // What is said of a file with several names is not said of this one.
  const bool sole = entry.directory() || entry.links <= 1;
  if (sole && r != nullptr && r->last_boot_ns >= started) {
    return;  // in use again
  }
  const bool seen_going =
      (sole && r != nullptr && r->gone) || books_.ledger.find(place) != nullptr;
  // While scans fail it may live on by a name that nobody could look at: the
  // next complete one shows it.
  if (r != nullptr && !plan_.failing()) records_.missing(entry.inode, path);
  if (seen_going || entry.change != Change::added ||
      books_.tree.find(entry.parent, entry.name) != nullptr) {
    return;  // reported already, or by what is in its place
  }
  Entry removed = entry;
  removed.whiteout = true;  // as far as who can have done it is concerned
  auto choice = candidates_.choose(entry.parent, removed, std::nullopt);
  if (!choice) choice = brought_by(entry);
  if (choice && waited != nullptr && !may_have_come(*waited, *choice)) {
    choice.reset();
  }
  if (!choice && waited == nullptr &&
      awaited_.add({entry, path, "", false, true, started,
                    books_.clock.boot_ns(),
                    candidates_.nobody_in(entry.parent)})) {
    return;
  }
  const Culprits by = who(choice);
  MutationEvent event;
  event.time = books_.clock.wall();
  event.kind = delete_kind(entry.mode);
  event.path = path;
  if (choice) {
    event.time = books_.clock.wall_at(choice->latest().last_ns);
    if (entry.directory()) {
      inherited_.insert_or_assign(entry.inode.ino, *choice);
    }
  }
  announcer_.found(std::move(event), by.named, by.all, entry.inode);
}

}  // namespace stillframe::drift
