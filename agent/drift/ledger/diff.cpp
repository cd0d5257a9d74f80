// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/diff.h"

#include "agent/drift/scan/runtime_diff.h"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <map>
#include <unordered_map>
#include <utility>

namespace stillframe::drift {
namespace {

// Names byte by byte, parents before children: '/' comes before all.
bool path_before(std::string_view a, std::string_view b) {
  return std::lexicographical_compare(
      a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        const auto rank = [](char c) {
          return c == '/' ? 0 : 1 + static_cast<unsigned char>(c);
        };
        return rank(x) < rank(y);
      });
}

bool row_before(const PathChange& a, const PathChange& b) {
  return path_before(a.path.text(), b.path.text());
}

void fold_in(PathChange& directory, const PathChange& below) {
  if (below.verdict != directory.verdict) return;
  if (directory.count == 0 || below.first_seen < directory.first_seen) {
    directory.first_seen = below.first_seen;
  }
  directory.last_seen = std::max(directory.last_seen, below.last_seen);
  directory.count += below.count;
  if (directory.rule.empty()) directory.rule = below.rule;
}

// To be copied up is not to be changed.
bool changed_itself(const Record& r) {
  return !r.kinds.empty() && !r.kinds.only(Kind::copy_up);
}

class Rows {
 public:
  Rows(const ContainerRecord& record, const Books& books, Verdicts& verdicts)
      : record_(record), books_(books), verdicts_(verdicts) {}

  ChangeList all();

 private:
  // A directory's row that takes its verdict from those below it: written when
  // all of them are.
  struct Open {
    std::size_t depth = 0;
    std::size_t at = 0;
    PathChange row;
  };
  // A directory above whose entries a move may have brought along: see
  // Rare::carrier.
  struct Moved {
    InodeId carrier;                 // none: nothing was
    SharedPath::DirectoryPtr place;  // where it was; null: not known
  };

  void visit(const UpperTree::Place& at, const Entry& entry);
  void add(const SharedPath& path, const UpperTree::Place& at,
           const Entry& entry, bool shown);
  void add_restored(const SharedPath& path, const UpperTree::Place& at,
                    const Entry& entry, const Record& r, bool shown);
  void add_derived(const SharedPath& path, const UpperTree::Place& at,
                   const Entry& entry);
  void close(std::size_t depth);
  void push(std::string_view path, PathChange row);
  void gather_outside_tree();
  Moved moved(const Entry& directory) const;
  PathChange row_of(const SharedPath& path, const Judged& judged,
                    const RecordKey& key, const Record* record);
  const ActorList& actors_of(ActorSet set);
  const ActorList& judged_as(ActorSet set, Origin origin);

  const ContainerRecord& record_;
  const Books& books_;
  Verdicts& verdicts_;
  ChangeList rows_;
  std::deque<PathChange> outside_;  // of the tree, and not among rows_ yet
  // What rows share.
  std::unordered_map<ActorSet, ActorList> actors_;
  std::map<std::pair<ActorSet, Origin>, ActorList> judged_;
  std::vector<Open> open_;
  std::vector<Moved> moved_;  // by depth, the root first
};

const ActorList& Rows::actors_of(ActorSet set) {
  const auto [at, added] = actors_.try_emplace(set);
  if (added) {
    ActorList::All all;
    for (const ActorId id : books_.actors.members(set)) {
      all.push_back(books_.actors.get(id));
    }
    at->second = ActorList(std::move(all));
  }
  return at->second;
}

// As the judgement has them: the runtime at its own work updates nothing, and
// of what nobody was seen doing it knows the origin alone.
const ActorList& Rows::judged_as(ActorSet set, Origin origin) {
  const auto [at, added] = judged_.try_emplace({set, origin});
  if (added) {
    ActorList::All all(actors_of(set).begin(), actors_of(set).end());
    if (all.empty()) all.emplace_back();
    for (auto& actor : all) {
      actor.origin = origin;
      actor.tool.clear();
      actor.update = 0;
    }
    at->second = ActorList(std::move(all));
  }
  return at->second;
}

PathChange Rows::row_of(const SharedPath& path, const Judged& judged,
                        const RecordKey& key, const Record* r) {
  PathChange out;
  out.path = path;
  out.kinds = judged.kinds;
  out.mutation_class = class_of(judged.kinds.worst());
  out.verdict = judged.judgement.verdict;
  out.rule = judged.judgement.rule;
  if (r == nullptr) {
    out.count = 1;
    return out;
  }
  out.actors = actors_of(r->actors);
  out.actors_left_out = r->left_out;
  if (std::string from = books_.ledger.from(key); !from.empty()) {
    out.from = std::make_shared<const SharedPath>(std::move(from));
  }
  out.first_seen = r->first_seen;
  out.last_seen = r->last_seen;
  out.count = r->count;
  return out;
}

// A directory in the last of moved_.
Rows::Moved Rows::moved(const Entry& directory) const {
  if (directory.redirect() != nullptr) {
    const auto key = RecordKey::of_inode(directory.inode);
    return {directory.inode, SharedPath::directory(books_.ledger.from(key))};
  }
  const Moved& above = moved_.back();
  if (!directory.carrier() || !above.place ||
      !same_inode(directory.carrier(), above.carrier)) {
    return {};
  }
  return {above.carrier, SharedPath::directory(above.place, directory.name)};
}

// A directory that was changed itself and is as the image has it again.
void Rows::add_restored(const SharedPath& path, const UpperTree::Place& at,
                        const Entry& entry, const Record& r, bool shown) {
  Judged judged;
  judged.kinds = r.kinds;
  judged.judgement.verdict = Verdict::restored;
  auto row = row_of(path, judged, key_of(entry), &r);
  row.shown_by_runtime = shown;
  push(at.path, std::move(row));
}

// A directory that changed only because its entries did.
void Rows::add_derived(const SharedPath& path, const UpperTree::Place& at,
                       const Entry& entry) {
  const auto* below = verdicts_.totals().below(entry.inode);
  const auto key = key_of(entry);
  const Record* r = books_.ledger.find(key);
  Judged judged;
  judged.kinds.add(Kind::copy_up);  // whatever it was meanwhile
  judged.judgement.verdict =
      below == nullptr ? Verdict::restored : below->worst();
  auto row = row_of(path, judged, key, r);
  // Whoever changed its entries has not changed the directory, and what they
  // did is shown there.
  row.actors = {};
  row.actors_left_out = 0;
  row.count = 0;
  push(at.path, row);
  open_.push_back({at.depth, rows_.size() - 1, std::move(row)});
}

// All directories from that depth on have been left.
void Rows::close(std::size_t depth) {
  while (!open_.empty() && open_.back().depth >= depth) {
    Open& last = open_.back();
    last.row.count = std::max<std::uint64_t>(last.row.count, 1);
    rows_.set(last.at, last.row);
    open_.pop_back();
  }
}

// `path`: its path in full.
void Rows::push(std::string_view path, PathChange row) {
  while (!outside_.empty() && path_before(outside_.front().path.text(), path)) {
    rows_.push_back(outside_.front());
    outside_.pop_front();
  }
  row.count = std::max<std::uint64_t>(row.count, 1);
  rows_.push_back(row);
}

void Rows::visit(const UpperTree::Place& at, const Entry& entry) {
  close(at.depth);
  moved_.resize(at.depth);
  const SharedPath path{at.directory, entry.name};
  const bool shown = runtime_shows(books_.tree, traits_of(record_.info.runtime),
                                   at.path, entry);
  add(path, at, entry, shown);
  if (entry.directory()) moved_.push_back(moved(entry));
}

void Rows::add(const SharedPath& path, const UpperTree::Place& at,
               const Entry& entry, bool shown) {
  if (entry.change == Change::none) {
    const Record* r =
        entry.directory() ? books_.ledger.find(key_of(entry)) : nullptr;
    const bool itself = r != nullptr && changed_itself(*r);
    // What lies in it comes first: it is different now.
    const bool below = verdicts_.totals().below(entry.inode) != nullptr;
    if (shown && (below || !itself)) {
      add_derived(path, at, entry);
    } else if (itself) {
      add_restored(path, at, entry, *r, shown);
    }
    return;
  }
  const auto story = story_of(books_, entry);
  const Record* r = story ? &*story : nullptr;
  const Judged judged = verdicts_.row(entry, at.path);
  auto row = row_of(path, judged, key_of(entry), r);
  const Moved& above = moved_.back();
  if (!row.from && above.place && entry.carrier() &&
      same_inode(entry.carrier(), above.carrier)) {
    row.from = std::make_shared<const SharedPath>(above.place, entry.name);
  }
  row.change = entry.change;
  row.shown_by_runtime = shown;
  if (r == nullptr) row.first_seen = row.last_seen = entry.ctime;
  if (row.actors.empty() || judged.judgement.verdict == Verdict::runtime) {
    row.actors = judged_as(r == nullptr ? 0 : r->actors, judged.origin);
  }
  for (auto& directory : open_) fold_in(directory.row, row);
  push(at.path, std::move(row));
}

// Few, mostly none.
void Rows::gather_outside_tree() {
  books_.ledger.for_each_path([&](const std::string& path, const Record& r) {
    auto row =
        row_of(path, verdicts_.row(path, r), RecordKey::of_path(path), &r);
    row.change = Change::changed;
    row.shown_by_runtime = false;
    row.count = std::max<std::uint64_t>(row.count, 1);
    outside_.push_back(std::move(row));
  });
  std::sort(outside_.begin(), outside_.end(), row_before);
}

ChangeList Rows::all() {
  const UpperTree& tree = books_.tree;
  gather_outside_tree();
  // As they grew they would take as much again.
  rows_.reserve(tree.size() + outside_.size());
  if (const Entry* root = tree.find(tree.root())) {
    const std::string path = "/";
    moved_.push_back({});
    add("/", {path, 0, nullptr}, *root,
        runtime_shows(tree, traits_of(record_.info.runtime), path, *root));
  }
  tree.for_each([this](const UpperTree::Place& at, const Entry& entry) {
    visit(at, entry);
  });
  close(0);
  for (const auto& row : outside_) rows_.push_back(row);
  return std::move(rows_);
}

}  // namespace

ChangeList diff_rows(const ContainerRecord& record, const Books& books,
                     Verdicts& verdicts) {
  return Rows(record, books, verdicts).all();
}

}  // namespace stillframe::drift
