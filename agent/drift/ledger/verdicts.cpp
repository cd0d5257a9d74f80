// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/verdicts.h"

#include <algorithm>

#include "agent/drift/ledger/dirty_set.h"

namespace stillframe::drift {
namespace {

// An inode with more names than this is not judged by each of them at once.
constexpr std::size_t kMostNames = 64;

PathVerdict verdict_of(const Judged& judged) {
  return {judged.judgement.verdict, class_of(judged.kind), judged.origin,
          judged.unexplained};
}

}  // namespace

Verdicts::Verdicts(const Books& books, Judge& judge, History& history,
                   AsAtStart as_at_start)
    : books_(books),
      judge_(judge),
      history_(history),
      as_at_start_(std::move(as_at_start)) {}

Judged Verdicts::row(const Entry& entry, const std::string& path) {
  const auto* below = entry.directory() ? totals_.below(entry.inode) : nullptr;
  const bool others_below = below != nullptr && below->unexplained != 0;
  const auto story = story_of(books_, entry);
  return judge_.row(entry, path, story ? &*story : nullptr, others_below);
}

Judged Verdicts::row(const std::string& path, const Record& record) {
  return judge_.row(path, record, as_at_start_(path, record));
}

void Verdicts::set(const RecordKey& place,
                   const std::optional<PathVerdict>& verdict) {
  totals_.set(
      place, verdict,
      [this](const InodeId& inode) {
        const Entry* entry = books_.tree.find(inode);
        return entry == nullptr ? InodeId{} : entry->parent;
      },
      [this](const InodeId& inode) { shifts_.push_back(inode); });
}

void Verdicts::rejudge(const RecordKey& place) {
  if (stale_) return;
  if (place.inode) {
    if (const Entry* entry = books_.tree.find(place.inode, place.name)) {
      rejudge(*entry);
    } else {
      set(place, std::nullopt);
    }
  } else if (const Record* r = books_.ledger.find(place)) {
    const Judged judged = row(place.name, *r);
    set(place, verdict_of(judged));
    if (judged.judgement.verdict == Verdict::violation) note_violation(*r);
  } else {
    set(place, std::nullopt);
  }
  settle();
}

void Verdicts::rejudge(const Entry& entry) {
  if (stale_) return;
  if (entry.change == Change::none) {
    set(place_of(entry), std::nullopt);
    return;
  }
  const std::string path = books_.tree.path_of(entry);
  const Judged judged =
      entry.differs.unread ? row_so_far(entry, path) : row(entry, path);
  const bool violation = judged.judgement.verdict == Verdict::violation;
  if (entry.differs.unread && !violation) {
    set(place_of(entry), std::nullopt);  // not known
    return;
  }
  set(place_of(entry), verdict_of(judged));
  const auto story = story_of(books_, entry);
  if (violation && story) note_violation(*story);
  if (entry.directory() && entry.redirect() != nullptr) rejudge_brought(entry);
}

// What is sure of a file whose bytes have not been compared.
Judged Verdicts::row_so_far(Entry entry, const std::string& path) {
  entry.differs.unread = false;
  return row(entry, path);
}

// All that came along with a directory is judged by the directory's record.
void Verdicts::rejudge_brought(const Entry& directory) {
  const Record* r = books_.ledger.find(key_of(directory));
  if (r == nullptr) return;
  const auto [at, fresh] = moves_.try_emplace(directory.inode, r->actors);
  if (!fresh && at->second == r->actors) return;
  at->second = r->actors;
  for (const Entry* one : books_.tree.brought_by(directory)) rejudge(*one);
}

void Verdicts::rejudge_inode(const InodeId& inode) {
  if (stale_) return;
  const Entry* entry = books_.tree.find(inode);
  if (entry == nullptr) return;
  if (entry->links <= 1 || entry->directory()) {
    rejudge(*entry);
  } else {
    const auto names = books_.tree.aliases(inode);
    if (names->all.size() > kMostNames) {
      // Not at each of as many events: all in one go, as the pace allows.
      stale_ = true;
      return;
    }
    for (const Entry* name : names->all) rejudge(*name);
  }
  settle();
}

void Verdicts::vanished(
    const std::vector<std::pair<std::string, Entry>>& gone) {
  // Directories that moved or went took their totals along.
  for (const auto& [path, entry] : gone) {
    const InodeId at = entry.directory() ? entry.inode : entry.parent;
    const bool uprooted = entry.directory() || !books_.tree.has_directory(at);
    if (entry.redirect() != nullptr) moves_.erase(entry.inode);
    if (uprooted && totals_.below(at) != nullptr) stale_ = true;
  }
  if (stale_) return;
  for (const auto& [path, entry] : gone) set(place_of(entry), std::nullopt);
}

void Verdicts::settle() {
  if (settling_) return;
  settling_ = true;
  while (!shifts_.empty()) {
    const InodeId inode = shifts_.back();
    shifts_.pop_back();
    shifted(inode);
  }
  settling_ = false;
}

void Verdicts::shifted(const InodeId& inode) {
  const Entry* entry = books_.tree.find(inode);
  if (entry == nullptr || !entry->parent || entry->change == Change::none) {
    return;
  }
  const auto path = books_.tree.path_of(*entry);
  if (judge_.runtime_writes_at(path)) rejudge(*entry);
}

void Verdicts::note_violation(const Record& r) {
  std::optional<ActorId> by;
  if (r.actors != 0) by = books_.actors.members(r.actors).back();
  history_.violated(r.first_seen, r.last_seen, by);
}

void Verdicts::judge_again() {
  stale_ = true;
  rebuild_took_ns_ = 0;
}

// Whoever keeps moving directories, or writing to a file of many names, does
// not keep us judging all the time.
std::uint64_t Verdicts::due_mono_ns() const {
  return rebuilt_ns_ + DirtySet::kPace * rebuild_took_ns_;
}

void Verdicts::refresh() {
  if (stale() && books_.clock.mono_ns() >= due_mono_ns()) rebuild();
}

void Verdicts::refresh_now() {
  if (stale()) rebuild();
}

void Verdicts::rebuild() {
  const std::uint64_t begun = books_.clock.mono_ns();
  const UpperTree& tree = books_.tree;
  stale_ = false;
  judge_.certain_again();
  totals_.clear();
  shifts_.clear();
  moves_.clear();
  if (const Entry* root = tree.find(tree.root())) rejudge(*root);
  tree.for_each([&](const UpperTree::Place&, const Entry& entry) {
    if (entry.change != Change::none) rejudge(entry);
  });
  std::sort(shifts_.begin(), shifts_.end(),
            [](const auto& a, const auto& b) { return a.ino < b.ino; });
  shifts_.erase(std::unique(shifts_.begin(), shifts_.end()), shifts_.end());
  books_.ledger.for_each_path([&](const std::string& path, const Record&) {
    rejudge(RecordKey::of_path(path));
  });
  settle();
  rebuilt_ns_ = books_.clock.mono_ns();
  rebuild_took_ns_ = rebuilt_ns_ - begun;
}

}  // namespace stillframe::drift
