// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "agent/drift/ledger/container_drift_impl.h"
#include "agent/drift/ledger/kinds.h"

namespace stillframe::drift {
namespace {

constexpr std::size_t kMaxActors = ActorTable::kMaxPerSet;
// A rebuild that took longer than this is not made again at once.
constexpr std::uint64_t kCheapRebuildNs = 10'000'000;

bool differs_as_program(const Entry& entry) {
  const auto& d = entry.differs;
  return d.type || d.content || d.mode || d.unknown;
}

// An executable's kinds say "new" or "changed" as the tree has it now; one that
// is the image's again is none of both.
void correct_exec(KindList& kinds, const Entry& entry) {
  if (!kinds.has(Kind::exec_new) && !kinds.has(Kind::exec_changed)) return;
  if (entry.change == Change::added) {
    if (!kinds.has(Kind::exec_changed)) return;
    kinds.remove(Kind::exec_changed);
    kinds.add(Kind::exec_new);
    return;
  }
  if (entry.change != Change::changed) return;
  kinds.remove(Kind::exec_new);
  if (differs_as_program(entry)) {
    kinds.add(Kind::exec_changed);
  } else {
    kinds.remove(Kind::exec_changed);
  }
}

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

void add_actors(std::vector<Actor>& to, const std::vector<Actor>& from) {
  for (const auto& a : from) {
    if (to.size() >= kMaxActors) return;
    if (std::find(to.begin(), to.end(), a) == to.end()) to.push_back(a);
  }
}

// A directory's row that takes its verdict from those below it.
struct Open {
  std::string prefix;
  std::size_t row = 0;
};

void fold_in(PathChange& directory, const PathChange& below) {
  if (below.verdict != directory.verdict) return;
  if (directory.count == 0 || below.first_seen < directory.first_seen) {
    directory.first_seen = below.first_seen;
  }
  directory.last_seen = std::max(directory.last_seen, below.last_seen);
  directory.count += below.count;
  if (directory.rule.empty()) directory.rule = below.rule;
  add_actors(directory.actors, below.actors);
}

}  // namespace

policy::Judgement ContainerDrift::Impl::judge_kinds(const KindList& kinds,
                                                    Origin origin,
                                                    const std::string& path,
                                                    Kind* decided) const {
  policy::Judgement worst;
  *decided = kinds.worst();
  bool any = false;
  for (const Kind kind : kinds.list()) {
    auto one = policy->judge(record.info, class_of(kind), kind, origin, path);
    // Of equal verdicts the most severe kind's rule is the one to show.
    const bool better = !any || worse(one.verdict, worst.verdict) ||
                        (one.verdict == worst.verdict && kind == *decided);
    if (better) worst = std::move(one);
    any = true;
  }
  return worst;
}

// A rule may hold for one origin and not for another: what the workload is
// allowed does not cover for a session that had its hand in it before.
void ContainerDrift::Impl::judge_actors(Judged& judged, const std::string& path,
                                        const Record* r) const {
  judged.judgement =
      judge_kinds(judged.kinds, judged.origin, path, &judged.kind);
  if (r == nullptr || policy->rules().empty()) return;
  for (const ActorId id : actors.members(r->actors)) {
    const Origin origin = actor(id).origin;
    if (origin == judged.origin) continue;
    Kind kind = judged.kind;
    auto other = judge_kinds(judged.kinds, origin, path, &kind);
    if (!worse(other.verdict, judged.judgement.verdict)) continue;
    judged.judgement = std::move(other);
    judged.kind = kind;
    judged.origin = origin;
  }
}

Judged ContainerDrift::Impl::judge(const Entry& entry, const std::string& path,
                                   const Record* r) const {
  Judged out;
  KindList recorded = r == nullptr ? KindList() : r->kinds;
  correct_exec(recorded, entry);
  out.kinds = explained(recorded, entry);
  out.kind = out.kinds.worst();
  if (r != nullptr && r->actors != 0) {
    out.origin = actor(actors.members(r->actors).back()).origin;
  }
  const bool code = out.kinds.has_class(Class::code);
  const auto* below =
      entry.directory() ? standings.below(entry.inode) : nullptr;
  const bool others_below = below != nullptr && below->unexplained != 0;
  if (!code && r != nullptr && r->own) {
    out.judgement.verdict = Verdict::runtime;
    out.origin = Origin::runtime;
  } else if (!code && (r == nullptr || !r->live) && own.listed(path) &&
             own.made(entry, path, others_below)) {
    out.judgement.verdict = Verdict::runtime;
    out.origin = Origin::runtime;
  } else if (!code &&
             (restored(out.kinds, entry) || out.kinds.only(Kind::copy_up))) {
    out.judgement.verdict = Verdict::restored;
  } else {
    judge_actors(out, path, r);
  }
  out.unexplained = out.judgement.verdict != Verdict::runtime &&
                    (r == nullptr || !r->observed);
  return out;
}

Judged ContainerDrift::Impl::judge_path(const std::string& path,
                                        const Record& r) const {
  Judged out;
  out.kinds = r.kinds;
  if (r.actors != 0) {
    out.origin = actor(actors.members(r.actors).back()).origin;
  }
  if (r.first_exec && r.kinds.only(Kind::exec_volume)) {
    out.kind = Kind::exec_volume;
    out.judgement.verdict = Verdict::runtime;
  } else if (as_at_live(path, r)) {
    out.kind = r.kinds.worst();
    out.judgement.verdict = Verdict::restored;
  } else {
    judge_actors(out, path, &r);
  }
  return out;
}

void ContainerDrift::Impl::stand(const RecordKey& place,
                                 const std::optional<PathVerdict>& standing) {
  standings.set(
      place, standing,
      [this](const InodeId& inode) {
        const Entry* entry = tree.find(inode);
        return entry == nullptr ? InodeId{} : entry->parent;
      },
      [this](const InodeId& inode) { shifts.push_back(inode); });
}

void ContainerDrift::Impl::rejudge(const RecordKey& place) {
  if (stale) return;
  if (place.inode) {
    if (const Entry* entry = tree.find(place.inode, place.name)) {
      rejudge(*entry);
    } else {
      stand(place, std::nullopt);
    }
  } else if (const Record* r = ledger.find(place)) {
    const Judged j = judge_path(place.name, *r);
    stand(place,
          PathVerdict{j.judgement.verdict, class_of(j.kind), j.origin, false});
    if (j.judgement.verdict == Verdict::violation) note_violation(r);
  } else {
    stand(place, std::nullopt);
  }
  drain_shifted();
}

void ContainerDrift::Impl::rejudge(const Entry& entry) {
  if (stale) return;
  if (entry.change == Change::none) {
    stand(place_of(entry), std::nullopt);
    if (entry.directory()) shifts.push_back(entry.inode);
    return;
  }
  const Record* r = ledger.find(key_of(entry));
  const Judged j = judge(entry, tree.path_of(entry), r);
  if (entry.directory()) standings.set_derived(entry.inode, std::nullopt);
  stand(place_of(entry), PathVerdict{j.judgement.verdict, class_of(j.kind),
                                     j.origin, j.unexplained});
  if (j.judgement.verdict == Verdict::violation && r != nullptr) {
    note_violation(r);
  }
}

void ContainerDrift::Impl::rejudge_inode(const InodeId& inode) {
  if (stale) return;
  const Entry* entry = tree.find(inode);
  if (entry == nullptr) return;
  if (entry->links <= 1 || entry->directory()) {
    rejudge(*entry);
  } else {
    for (const Entry* alias : tree.aliases(inode)) rejudge(*alias);
  }
  drain_shifted();
}

// Below these directories something became otherwise.
void ContainerDrift::Impl::drain_shifted() {
  if (draining) return;
  draining = true;
  while (!shifts.empty()) {
    const InodeId inode = shifts.back();
    shifts.pop_back();
    shifted(inode);
  }
  draining = false;
}

void ContainerDrift::Impl::shifted(const InodeId& inode) {
  const Entry* entry = tree.find(inode);
  if (entry == nullptr || !entry->parent) {
    standings.set_derived(inode, std::nullopt);
    return;
  }
  if (entry->change != Change::none) {
    const auto path = tree.path_of(*entry);
    if (own.listed(path)) rejudge(*entry);
    return;
  }
  const auto* below = standings.below(inode);
  if (below == nullptr ||
      !runtime_shows(tree, record.info.runtime, tree.path_of(*entry))) {
    standings.set_derived(inode, std::nullopt);
    return;
  }
  const Record* r = ledger.find(RecordKey::of_inode(inode));
  Kind kind = Kind::copy_up;
  if (r != nullptr && !r->kinds.empty()) kind = r->kinds.worst();
  standings.set_derived(inode, PathVerdict{below->worst(), class_of(kind),
                                           below->violator(), false});
}

void ContainerDrift::Impl::note_violation(const Record* r) {
  state.ever_mutated = true;
  if (state.first_mutation.ns == 0 || r->first_seen < state.first_mutation) {
    state.first_mutation = r->first_seen;
  }
  if (r->actors == 0 || (newest && newest->time > r->last_seen)) return;
  newest = Newest{r->last_seen, actors.members(r->actors).back()};
}

// Something was asked for that bears on all paths: not paced.
void ContainerDrift::Impl::judge_anew() {
  stale = true;
  rebuild_took_ns = 0;
}

// Whoever keeps moving directories does not keep us judging all the time.
std::uint64_t ContainerDrift::Impl::rebuild_due() const {
  if (rebuild_took_ns < kCheapRebuildNs) return 0;
  return rebuilt_ns + DirtySet::kPace * rebuild_took_ns;
}

void ContainerDrift::Impl::rebuild() {
  const std::uint64_t begun = monotonic_now_ns();
  stale = false;
  standings.clear();
  shifts.clear();
  if (const Entry* root = tree.find(tree.root())) rejudge(*root);
  tree.for_each([&](const std::string&, const Entry& entry) {
    if (entry.change != Change::none) rejudge(entry);
  });
  std::sort(shifts.begin(), shifts.end(),
            [](const auto& a, const auto& b) { return a.ino < b.ino; });
  shifts.erase(std::unique(shifts.begin(), shifts.end()), shifts.end());
  ledger.for_each_path([&](const std::string& path, const Record&) {
    rejudge(RecordKey::of_path(path));
  });
  drain_shifted();
  rebuilt_ns = monotonic_now_ns();
  rebuild_took_ns = rebuilt_ns - begun;
}

std::vector<Actor> ContainerDrift::Impl::actors_of(const Record* r) const {
  std::vector<Actor> out;
  if (r != nullptr) {
    for (const ActorId id : actors.members(r->actors)) {
      out.push_back(actor(id));
    }
  }
  return out;
}

PathChange ContainerDrift::Impl::path_change(const std::string& path,
                                             const Judged& judged,
                                             const RecordKey& key,
                                             const Record* r) const {
  PathChange out;
  out.path = path;
  out.kinds = judged.kinds.list();
  out.mutation_class = class_of(judged.kinds.worst());
  out.verdict = judged.judgement.verdict;
  out.rule = judged.judgement.rule;
  out.actors = actors_of(r);
  if (r == nullptr) {
    out.count = 1;
    return out;
  }
  out.from = ledger.from(key);
  out.first_seen = r->first_seen;
  out.last_seen = r->last_seen;
  out.count = r->count;
  return out;
}

std::vector<PathChange> ContainerDrift::Impl::diff() {
  if (stale) rebuild();
  std::vector<PathChange> rows;
  std::vector<Open> open;
  const auto visit = [&](const std::string& path, const Entry& entry) {
    while (!open.empty() && path.compare(0, open.back().prefix.size(),
                                         open.back().prefix) != 0) {
      open.pop_back();
    }
    const bool shown = runtime_shows(tree, record.info.runtime, path);
    const auto key = key_of(entry);
    const Record* r = ledger.find(key);
    if (entry.change == Change::none) {
      if (!shown) return;
      const auto* below = standings.below(entry.inode);
      Judged judged;
      judged.kinds = r == nullptr ? KindList() : r->kinds;
      if (judged.kinds.empty()) judged.kinds.add(Kind::copy_up);
      judged.judgement.verdict =
          below == nullptr ? Verdict::restored : below->worst();
      auto row = path_change(path, judged, key, r);
      row.actors.clear();  // those who decided: they follow
      row.count = 0;
      open.push_back({path + "/", rows.size()});
      rows.push_back(std::move(row));
      return;
    }
    const Judged judged = judge(entry, path, r);
    auto row = path_change(path, judged, key, r);
    row.change = entry.change;
    row.shown_by_runtime = shown;
    if (r == nullptr) row.first_seen = row.last_seen = entry.ctime;
    if (row.actors.empty() || judged.judgement.verdict == Verdict::runtime) {
      Actor who;
      who.origin = judged.origin;
      if (row.actors.empty()) row.actors.push_back(who);
      for (auto& a : row.actors) {
        a.origin = judged.origin;
        a.tool.clear();  // a runtime at its own work updates nothing
      }
    }
    for (const auto& directory : open) fold_in(rows[directory.row], row);
    rows.push_back(std::move(row));
  };
  if (const Entry* root = tree.find(tree.root());
      root != nullptr && root->change != Change::none) {
    visit("/", *root);
  }
  tree.for_each(visit);
  for (auto& row : rows) {
    if (row.actors.empty()) row.actors.emplace_back();
    row.count = std::max<std::uint64_t>(row.count, 1);
  }
  const std::size_t in_tree = rows.size();
  ledger.for_each_path([&](const std::string& path, const Record& r) {
    auto row =
        path_change(path, judge_path(path, r), RecordKey::of_path(path), &r);
    row.change = Change::changed;
    row.shown_by_runtime = false;
    rows.push_back(std::move(row));
  });
  if (rows.size() != in_tree) {
    std::stable_sort(rows.begin(), rows.end(),
                     [](const auto& a, const auto& b) {
                       return path_before(a.path, b.path);
                     });
  }
  return rows;
}

std::string ContainerDrift::Impl::why_unknown() const {
  if (!scan_trouble.empty()) return scan_trouble;
  if (last_scan_ns == 0) return "the rootfs has not been scanned yet";
  return "the latest scan did not see the full rootfs";
}

DriftSummary ContainerDrift::Impl::summary() {
  if (stale) {
    const std::uint64_t pace = rebuild_took_ns < kCheapRebuildNs
                                   ? 0
                                   : DirtySet::kPace * rebuild_took_ns;
    if (monotonic_now_ns() >= rebuilt_ns + pace) rebuild();
  }
  DriftSummary out;
  out.mutated_paths = standings.violating_paths();
  out.state = out.mutated_paths != 0 ? ContainerState::mutated
              : scan_complete        ? ContainerState::still
                                     : ContainerState::unknown;
  if (out.state == ContainerState::unknown) out.why_unknown = why_unknown();
  out.last_scan = last_complete_scan;
  out.ever_mutated = state.ever_mutated;
  out.first_mutation = state.first_mutation;
  out.violations = standings.violations();
  if (newest) out.last_actor = actor(newest->actor);
  out.complete = !stale && scan_complete && !full_due && !full_under_way &&
                 !under_way && dirty.empty() && ledger.overflow() == 0 &&
                 unknowable.empty();
  return out;
}

}  // namespace stillframe::drift
