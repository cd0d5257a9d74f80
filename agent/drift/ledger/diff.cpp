// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/diff.h"

#include "agent/drift/scan/runtime_diff.h"

#include <algorithm>
#include <utility>

namespace stillframe::drift {
namespace {

// Names byte by byte, parents before children: '/' comes before all.
bool path_before(const std::string& a, const std::string& b) {
  return std::lexicographical_compare(
      a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        const auto rank = [](char c) {
          return c == '/' ? 0 : 1 + static_cast<unsigned char>(c);
        };
        return rank(x) < rank(y);
      });
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

  std::vector<PathChange> all();

 private:
  // A directory's row that takes its verdict from those below it.
  struct Open {
    std::string prefix;
    std::size_t row = 0;
  };

  void visit(const std::string& path, const Entry& entry);
  void add_restored(const std::string& path, const Entry& entry,
                    const Record& r);
  void add_derived(const std::string& path, const Entry& entry);
  void add_outside_tree();
  std::string former_path(const Entry& entry, const std::string& path) const;
  PathChange row_of(const std::string& path, const Judged& judged,
                    const RecordKey& key, const Record* record) const;

  const ContainerRecord& record_;
  const Books& books_;
  Verdicts& verdicts_;
  std::vector<PathChange> rows_;
  std::vector<Open> open_;
};

PathChange Rows::row_of(const std::string& path, const Judged& judged,
                        const RecordKey& key, const Record* r) const {
  PathChange out;
  out.path = path;
  out.kinds = judged.kinds.list();
  out.mutation_class = class_of(judged.kinds.worst());
  out.verdict = judged.judgement.verdict;
  out.rule = judged.judgement.rule;
  if (r == nullptr) {
    out.count = 1;
    return out;
  }
  for (const ActorId id : books_.actors.members(r->actors)) {
    out.actors.push_back(books_.actors.get(id));
  }
  out.actors_left_out = r->left_out;
  out.from = books_.ledger.from(key);
  out.first_seen = r->first_seen;
  out.last_seen = r->last_seen;
  out.count = r->count;
  return out;
}

// Of what came along with a directory: where that was.
std::string Rows::former_path(const Entry& entry,
                              const std::string& path) const {
  const std::string from =
      books_.ledger.from(RecordKey::of_inode(entry.carrier));
  if (from.empty()) return "";
  return from + path.substr(books_.tree.path_of(entry.carrier).size());
}

// A directory that was changed itself and is as the image has it again.
void Rows::add_restored(const std::string& path, const Entry& entry,
                        const Record& r) {
  Judged judged;
  judged.kinds = r.kinds;
  judged.judgement.verdict = Verdict::restored;
  rows_.push_back(row_of(path, judged, key_of(entry), &r));
}

// A directory that changed only because its entries did.
void Rows::add_derived(const std::string& path, const Entry& entry) {
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
  row.actors.clear();
  row.actors_left_out = 0;
  row.count = 0;
  open_.push_back({path + "/", rows_.size()});
  rows_.push_back(std::move(row));
}

void Rows::visit(const std::string& path, const Entry& entry) {
  while (!open_.empty() && path.compare(0, open_.back().prefix.size(),
                                        open_.back().prefix) != 0) {
    open_.pop_back();
  }
  const bool shown =
      runtime_shows(books_.tree, traits_of(record_.info.runtime), path);
  if (entry.change == Change::none) {
    const Record* r =
        entry.directory() ? books_.ledger.find(key_of(entry)) : nullptr;
    const bool itself = r != nullptr && changed_itself(*r);
    // What lies in it comes first: it is different now.
    const bool below = verdicts_.totals().below(entry.inode) != nullptr;
    if (shown && (below || !itself)) {
      add_derived(path, entry);
    } else if (itself) {
      add_restored(path, entry, *r);
      rows_.back().shown_by_runtime = shown;
    }
    return;
  }
  const auto story = story_of(books_, entry);
  const Record* r = story ? &*story : nullptr;
  const Judged judged = verdicts_.row(entry, path);
  auto row = row_of(path, judged, key_of(entry), r);
  if (row.from.empty() && entry.carrier) row.from = former_path(entry, path);
  row.change = entry.change;
  row.shown_by_runtime = shown;
  if (r == nullptr) row.first_seen = row.last_seen = entry.ctime;
  if (row.actors.empty() || judged.judgement.verdict == Verdict::runtime) {
    if (row.actors.empty()) row.actors.emplace_back();
    for (auto& a : row.actors) {
      a.origin = judged.origin;
      a.tool.clear();  // a runtime at its own work updates nothing
    }
  }
  for (const auto& directory : open_) fold_in(rows_[directory.row], row);
  rows_.push_back(std::move(row));
}

void Rows::add_outside_tree() {
  const std::size_t in_tree = rows_.size();
  books_.ledger.for_each_path([&](const std::string& path, const Record& r) {
    auto row =
        row_of(path, verdicts_.row(path, r), RecordKey::of_path(path), &r);
    row.change = Change::changed;
    row.shown_by_runtime = false;
    rows_.push_back(std::move(row));
  });
  if (rows_.size() == in_tree) return;
  std::stable_sort(
      rows_.begin(), rows_.end(),
      [](const auto& a, const auto& b) { return path_before(a.path, b.path); });
}

std::vector<PathChange> Rows::all() {
  const UpperTree& tree = books_.tree;
  if (const Entry* root = tree.find(tree.root())) visit("/", *root);
  tree.for_each([this](const std::string& path, const Entry& entry) {
    visit(path, entry);
  });
  for (auto& row : rows_) {
    row.count = std::max<std::uint64_t>(row.count, 1);
  }
  add_outside_tree();
  return std::move(rows_);
}

}  // namespace

std::vector<PathChange> diff_rows(const ContainerRecord& record,
                                  const Books& books, Verdicts& verdicts) {
  return Rows(record, books, verdicts).all();
}

}  // namespace stillframe::drift
