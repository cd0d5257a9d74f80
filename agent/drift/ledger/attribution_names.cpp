// SPDX-License-Identifier: Apache-2.0
//
// Attribution of names: a file was linked or moved there, or made there by one
// and written to by another.
#include <algorithm>
#include <iterator>
#include <utility>

#include "agent/drift/ledger/attribution.h"
#include "agent/drift/ledger/kinds.h"

namespace stillframe::drift {

// Whether a new name is one more of a file that the image holds.
bool Attribution::names_image_file(const Entry& entry) const {
  if (entry.whiteout || entry.links <= 1) return false;
  const auto names = books_.tree.aliases(entry.inode);
  const Entry* first = names->first_changed;
  return names->changed > 1 ||
         (first != nullptr &&
          (first->parent != entry.parent || first->name != entry.name));
}

// Whether the file was there by another name before this one was found.
bool Attribution::has_older_name(const Entry& entry) const {
  if (entry.links <= 1) return false;
  if (lost_.contains(entry.inode.ino)) return true;
  const auto gained = gained_.find(entry.inode.ino);
  return gained != gained_.end() &&
         books_.tree.aliases(entry.inode)->all.size() > gained->second;
}

// Whether a file was put where it is. What overlay copies up stays in its
// place, where nothing else can have been.
bool Attribution::put_there(const Entry& entry) const {
  if (entry.change == Change::added) return true;
  const auto it = vacated_.find(entry.parent.ino);
  return it != vacated_.end() && it->second.contains(entry.name);
}

// Whether its inode has changed by no more than a name that it was given.
bool Attribution::only_named(const Found& found) const {
  const Entry& entry = found.entry;
  if (!found.appeared || entry.directory() || !put_there(entry) ||
      !has_older_name(entry)) {
    return false;
  }
  const auto choice = choose_linker(entry);
  return choice && moved_in(*choice);
}

std::string Attribution::take_lost(const InodeId& inode) {
  const auto it = lost_.find(inode.ino);
  if (it == lost_.end() || it->second.empty()) return "";
  const auto last = std::prev(it->second.end());
  return std::move(it->second.extract(last).value());
}

bool Attribution::take_lost(const InodeId& inode, const std::string& path) {
  const auto it = lost_.find(inode.ino);
  return it != lost_.end() && it->second.erase(path) != 0;
}

// Who can have given a file this name.
std::optional<Choice> Attribution::choose_linker(const Entry& entry) const {
  return linkers(entry, choose(entry, false));
}

// One that was there before got its further names from nobody who made or
// opened something there.
std::optional<Choice> Attribution::linkers(const Entry& entry,
                                           std::optional<Choice> choice) const {
  if (!choice || !put_there(entry) ||
      !(names_image_file(entry) || has_older_name(entry))) {
    return choice;
  }
  std::vector<Candidate> namers;
  for (const auto& one : choice->all()) {
    if (one.op == FileOp::link || one.op == FileOp::rename ||
        one.op == FileOp::unknown) {
      namers.push_back(one);
    }
  }
  if (namers.empty()) return std::nullopt;
  return Choice(std::move(namers));
}

// A new name of an inode whose own story is known: the link is another's work,
// maybe, and makes no event of the inode.
void Attribution::note_name(const Found& found, const Awaited* waited) {
  const Entry& entry = found.entry;
  if (entry.whiteout || entry.directory()) return;
  // An only name is news if it was linked there (below), and of a hundred
  // thousand files none was.
  if (waited == nullptr && entry.links <= 1 && put_there(entry) &&
      !candidates_.anyone_links(entry.parent)) {
    return;
  }
  const auto choice =
      linkers(entry, after_waiting(waited, choose(entry, false)));
  if (!put_there(entry)) {
    // The image has it by this name, unless that was taken away and given to
    // another file before anybody looked.
    if (choice && linked_there(entry, *choice)) {
      report_name(found, Kind::file_link, "", choice);
    }
    return;
  }
  const bool further = names_image_file(entry);
  // What somebody did of whom that is not known waits for the other name
  // (below): that it has waited does not say that there is one.
  const bool unknown =
      choice && choice->op().value_or(FileOp::unknown) == FileOp::unknown;
  const bool older = has_older_name(entry) ||
                     (waited != nullptr && !unknown && entry.links > 1);
  if (!choice) {
    // When the agent was started again each is found once more.
    const Record* r = books_.ledger.find(key_of(entry));
    const bool known = r != nullptr && r->kinds.has(Kind::file_link);
    if (older || (further && !known)) note_name_of_nobody(found, waited);
    return;
  }
  // Beside it a call of unknown kind may have taken the file's former name
  // away.
  const Record* record = books_.ledger.find(key_of(entry));
  const bool made = record != nullptr && shows_origin(record->kinds);
  const auto op = !made && choice->linked(entry.name, name_above(entry))
                      ? std::optional(FileOp::link)
                      : choice->op();
  if (older || further) {
    const bool renamed = op == FileOp::rename;
    std::string from = found.from;
    if (renamed && from.empty()) from = take_lost(entry.inode);
    report_name(found, renamed ? Kind::file_rename : Kind::file_link, from,
                choice);
    return;
  }
  // What io_uring, or one of several, was seen doing there has linked it, if it
  // has other names and this is not the image's.
  const bool maybe = op.value_or(FileOp::unknown) == FileOp::unknown &&
                     entry.links > 1 && entry.change == Change::added;
  if (op != FileOp::link && !maybe) return;
  // By this name it was made, and by another linked since.
  if (maybe && announcer_.reported(found.path, Kind::file_create)) return;
  const auto& link = choice->latest();
  // Its other names may appear in the same directory; an only one is that of a
  // file made without (O_TMPFILE).
  if (!maybe && entry.links > 1 && !link.hint.empty() &&
      link.hint != entry.name) {
    return;
  }
  // A name that has not been found may be in a directory that is still to be
  // looked at, or in overlay's index: then this one was moved there, maybe.
  const bool linked =
      op == FileOp::link || books_.tree.aliases(entry.inode)->all.size() > 1;
  if (!linked && waited == nullptr && young(entry) &&
      awaited_.add({entry, found.path, found.from, true, false, found.started,
                    books_.clock.boot_ns(), false, choice, true})) {
    return;
  }
  // What the call left has been reported by then: that a file was made.
  if (!linked && made) return;
  report_name(found, linked ? Kind::file_link : Kind::unknown_change, "",
              choice);
}

// It may have been reported, and by its very name; or be reported soon.
void Attribution::note_name_of_nobody(const Found& found,
                                      const Awaited* waited) {
  const Entry& entry = found.entry;
  if (announcer_.reported(found.path, Kind::file_link)) return;
  std::string from = found.from;
  if (from.empty()) from = take_lost(entry.inode);
  if (announcer_.reported(found.path, Kind::file_rename)) return;
  if (waited == nullptr && young(entry) &&
      awaited_.add({entry,
                    found.path,
                    from,
                    true,
                    false,
                    found.started,
                    books_.clock.boot_ns(),
                    candidates_.nobody_in(entry.parent),
                    {},
                    true})) {
    return;
  }
  report_name(found, from.empty() ? Kind::file_link : Kind::file_rename, from,
              std::nullopt);
}

// What the image has there was taken away, its name given to another file, and
// that name taken away as well, maybe by a call that does not say which it was
// about: the whiteout that is left shows nothing of it, nor does its record.
void Attribution::note_taken_again(const InodeId& directory,
                                   std::uint64_t started) {
  const auto hidden = [&](const std::string& name, std::uint64_t given_ns) {
    const Entry* there = books_.tree.find(directory, name);
    if (there == nullptr || !there->whiteout) return false;
    const Record* known = books_.ledger.find(place_of(*there));
    return known != nullptr && known->last_boot_ns < given_ns;
  };
  const Entry* here = books_.tree.find(directory);
  const std::string_view called =
      here == nullptr ? std::string_view() : here->name;
  for (auto& again :
       candidates_.taken_again(directory, called, started, hidden)) {
    const Entry* there = books_.tree.find(directory, again.name);
    again.by.doubt();
    const Culprits by = who(again.by);
    const std::uint64_t last_ns = again.by.latest().last_ns;
    const WallTime time = books_.clock.wall_at(last_ns);
    if (Record* r = add(place_of(*there), time, by)) {
      r->observed = true;
      r->live = r->live || again.by.live();
      r->last_boot_ns = std::max(r->last_boot_ns, last_ns);
    }
    MutationEvent event;
    event.time = time;
    event.kind = delete_kind(there->mode);
    event.path = books_.tree.path_of(*there);
    announcer_.found(std::move(event), by.named, by.all, there->inode);
    verdicts_.rejudge(*there);
  }
}

// Past the overlay whoever makes or moves something is seen in its directory
// alone, and whoever changes it then is seen doing that to the thing itself.
void Attribution::note_origin(const Found& found, const Record& known,
                              const Awaited* waited) {
  const Entry& entry = found.entry;
  const bool sole = entry.directory() || entry.links <= 1;
  if (entry.change != Change::added || !sole || entry.carrier() ||
      shows_origin(known.kinds)) {
    return;
  }
  const auto choice = choose(entry, true);
  if (!choice || (waited != nullptr && !may_have_come(*waited, *choice))) {
    return;
  }
  const auto op = choice->op();
  const bool moved = !found.from.empty() || op == FileOp::rename;
  report_name(found, moved ? Kind::file_rename : create_kind(entry.mode),
              found.from, choice);
}

void Attribution::report_name(const Found& found, Kind kind,
                              const std::string& from,
                              const std::optional<Choice>& choice) {
  const Entry& entry = found.entry;
  const WallTime time = choice ? books_.clock.wall_at(choice->latest().last_ns)
                               : books_.clock.wall();
  const Culprits by = who(choice);
  Record* r = here(found) ? add(key_of(entry), time, by) : nullptr;
  if (r != nullptr) r->kinds.add(kind);
  if (r != nullptr && choice) {
    r->observed = true;
    r->live = r->live || choice->live();
    r->last_boot_ns = std::max(r->last_boot_ns, choice->latest().last_ns);
  }
  MutationEvent event;
  event.time = time;
  event.kind = kind;
  event.path = found.path;
  event.from = from;
  announcer_.found(std::move(event), by.named, by.all, entry.inode);
}

}  // namespace stillframe::drift
