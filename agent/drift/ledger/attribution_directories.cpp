// SPDX-License-Identifier: Apache-2.0
//
// Attribution of what a directory brought along when it was moved, and of what
// it lacks that was in the one before it.
#include <algorithm>
#include <utility>

#include "agent/drift/ledger/attribution.h"

namespace stillframe::drift {

// One look may find a directory gone, and the next where it was moved.
void Attribution::note_departure(const std::string& path, const Entry& entry) {
  if (!entry.directory() || entry.inode.generation == 0 ||
      path.size() > kMostDepartedPath) {
    return;
  }
  departed_.emplace_back(entry.inode, path);
  if (departed_.size() > kMostDeparted) departed_.pop_front();
}

void Attribution::note_return(const Entry& entry) {
  const auto it =
      std::find_if(departed_.begin(), departed_.end(),
                   [&](const auto& one) { return one.first == entry.inode; });
  if (it == departed_.end()) return;
  if (it->second != books_.tree.path_of(entry)) {
    moved_.try_emplace(entry.inode.ino, it->second);
  }
  departed_.erase(it);
}

// Who moved the directory that it is in, or the nearest above that was moved,
// and so all that is in it and no newer.
std::optional<Choice> Attribution::brought_by(const Entry& entry) const {
  if (inherited_.empty() && moved_.empty()) return std::nullopt;
  if (const auto it = inherited_.find(entry.parent.ino);
      it != inherited_.end() && books_.tree.find(entry.parent) == nullptr) {
    return it->second;  // removed, with all in it
  }
  const Entry* at = books_.tree.find(entry.parent);
  for (; at != nullptr && at->parent; at = books_.tree.find(at->parent)) {
    const auto it = inherited_.find(at->inode.ino);
    const bool moved = it != inherited_.end() || moved_.contains(at->inode.ino);
    if (!moved) continue;
    if (!entry.whiteout && entry.ctime > at->ctime) return std::nullopt;
    if (it != inherited_.end()) {
      Choice by = it->second;
      by.note_brought();
      return by;
    }
    // One that is as the image's there is, of which nothing is recorded.
    Entry put = *at;
    put.change = Change::added;
    if (auto by = candidates_.choose(at->parent, put, changed_at(put))) {
      by->note_brought();
      return by;
    }
  }
  return std::nullopt;
}

// It was known where it was before its directory was moved.
void Attribution::note_coming(const Found& found) {
  const auto by = brought_by(found.entry);
  if (by && by->brought()) {
    report_name(found, Kind::file_rename, found.from, by);
  }
}

// Who is recorded to have taken away what was at a place.
std::optional<Choice> Attribution::recorded_takers(
    const RecordKey& place) const {
  const Record* removal = books_.ledger.find(place);
  if (removal == nullptr || !removal->observed || removal->actors == 0) {
    return std::nullopt;
  }
  std::vector<Candidate> all;
  for (const ActorId actor : books_.actors.members(removal->actors)) {
    Candidate one;
    one.actor = actor;
    one.op = FileOp::rmdir;
    one.first_ns = one.last_ns = removal->last_boot_ns;
    one.live = removal->live;
    all.push_back(std::move(one));
  }
  return Choice(std::move(all));
}

// Who can have taken it away, where there is no overlay: whoever is recorded
// for that, or was seen at it; else whoever put this one there.
std::optional<Choice> Attribution::takers(const Entry& directory) const {
  if (auto by = recorded_takers(place_of(directory))) return by;
  Entry taken = directory;
  taken.whiteout = true;
  taken.differs = {};
  if (auto by = candidates_.choose(directory.parent, taken, std::nullopt)) {
    return by;
  }
  return candidates_.choose(directory.parent, directory, std::nullopt);
}

// Where there is no overlay: whoever was seen at work in a directory that was
// made again, and did not name what is missing there, may have done nothing to
// it; it may have been in the one before.
std::optional<Choice> Attribution::with_takers(Choice seen,
                                               const Entry& entry) const {
  if (!entry.whiteout || entry.inode || seen.all_named(entry.name)) return seen;
  const Entry* above = books_.tree.find(entry.parent);
  if (above == nullptr || !above->parent) return seen;
  const auto former = former_.find({above->parent.ino, above->name});
  if (former != former_.end()) {
    auto by = recorded_takers(RecordKey::of_place(former->second, entry.name));
    if (by) return by;
  }
  auto before = recorded_takers(place_of(*above));
  if (!before && above->differs.opaque) before = takers(*above);
  if (!before) return seen;
  std::vector<Candidate> all = before->all();
  all.insert(all.end(), seen.all().begin(), seen.all().end());
  Choice any(std::move(all));
  any.doubt();
  return any;
}

}  // namespace stillframe::drift
