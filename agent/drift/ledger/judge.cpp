// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/judge.h"

#include <algorithm>

#include <utility>

#include "agent/drift/ledger/books.h"
#include "agent/drift/ledger/kinds.h"
#include "agent/drift/ledger/verdict_totals.h"

namespace stillframe::drift {
namespace {

bool differs_as_program(const Entry& entry) {
  const auto& d = entry.differs;
  return d.type || d.content || d.mode || d.unknown || d.unread;
}

// An executable's kinds say "new" or "changed" as the tree has it now; one that
// equals the image again is neither.
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

}  // namespace

Judge::Judge(const ContainerRecord& record, const ActorTable& actors,
             policy::PolicyPtr policy)
    : record_(record),
      actors_(actors),
      policy_(std::move(policy)),
      runtime_writes_(record) {}

void Judge::started(const std::vector<MountEntry>& mounts, WallTime began) {
  runtime_writes_ = RuntimeWrites(record_, mounts, began);
}

void Judge::set_policy(policy::PolicyPtr policy) {
  policy_ = std::move(policy);
}

policy::Judgement Judge::verdict(Kind kind, Origin origin,
                                 const std::string& path) const {
  auto judged =
      policy_->judge(record_.info, class_of(kind), kind, origin, path);
  // To open a file for writing is not a difference by itself.
  if (kind == Kind::copy_up && judged.verdict == Verdict::violation) {
    judged.verdict = Verdict::restored;
  }
  return judged;
}

policy::Judgement Judge::by_kinds(const KindList& kinds, Origin origin,
                                  const std::string& path,
                                  Kind* decided) const {
  policy::Judgement worst;
  *decided = kinds.worst();
  bool any = false;
  for (const Kind kind : kinds.list()) {
    auto one = policy_->judge(record_.info, class_of(kind), kind, origin, path);
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
void Judge::by_actors(Judged& judged, const std::string& path,
                      const Record* record) const {
  judged.judgement = by_kinds(judged.kinds, judged.origin, path, &judged.kind);
  if (record == nullptr || policy_->rules().empty()) return;
  for (const ActorId id : actors_.members(record->actors)) {
    const Origin origin = actors_.get(id).origin;
    if (origin == judged.origin) continue;
    Kind kind = judged.kind;
    auto other = by_kinds(judged.kinds, origin, path, &kind);
    if (!worse(other.verdict, judged.judgement.verdict)) continue;
    judged.judgement = std::move(other);
    judged.kind = kind;
    judged.origin = origin;
  }
}

RuntimeWrites::Seen Judge::seen_by(const Record* record) const {
  if (record == nullptr || !record->observed) {
    return RuntimeWrites::Seen::not_at_all;
  }
  const auto all = actors_.members(record->actors);
  const bool runtime = record->left_out == 0 &&
                       std::all_of(all.begin(), all.end(), [this](ActorId id) {
                         return actors_.get(id).origin == Origin::runtime;
                       });
  return runtime ? RuntimeWrites::Seen::by_runtime
                 : RuntimeWrites::Seen::by_others;
}

Judged Judge::row(const Entry& entry, const std::string& path,
                  const Record* record, bool others_below) {
  Judged out;
  KindList recorded = record == nullptr ? KindList() : record->kinds;
  correct_exec(recorded, entry);
  // Who was seen left it as it was: its mtime moved with what came and went.
  const bool by_entries_alone =
      record != nullptr && recorded.empty() && entry.directory() &&
      entry.change == Change::changed && entry.differs.time &&
      !entry.differs.sure() && !entry.differs.unread;
  if (by_entries_alone) recorded.add(Kind::copy_up);
  out.kinds = explained(recorded, entry);
  out.kind = out.kinds.worst();
  if (record != nullptr) out.origin = last_origin(actors_, *record);
  const bool code = out.kinds.has_class(Class::code);
  const bool live = record != nullptr && record->live;
  const auto seen = seen_by(record);
  const bool own = !live &&
                   (seen == RuntimeWrites::Seen::by_runtime ||
                    runtime_writes_.listed(path)) &&
                   runtime_writes_.made(entry, path, others_below, seen);
  if (!code && own) {
    out.judgement.verdict = Verdict::runtime;
    out.origin = Origin::runtime;
  } else if (!code &&
             (restored(out.kinds, entry) || out.kinds.only(Kind::copy_up))) {
    out.judgement.verdict = Verdict::restored;
  } else {
    by_actors(out, path, record);
  }
  out.unexplained = out.judgement.verdict != Verdict::runtime &&
                    (record == nullptr || !record->observed);
  return out;
}

Judged Judge::row(const std::string& path, const Record& record,
                  bool as_at_start) const {
  Judged out;
  out.kinds = record.kinds;
  out.origin = last_origin(actors_, record);
  if (record.first_exec && record.kinds.only(Kind::exec_volume)) {
    out.kind = Kind::exec_volume;
    out.judgement.verdict = Verdict::runtime;
  } else if (as_at_start) {
    out.kind = record.kinds.worst();
    out.judgement.verdict = Verdict::restored;
  } else {
    by_actors(out, path, &record);
  }
  return out;
}

bool Judge::runtime_writes_at(const std::string& path) const {
  return runtime_writes_.listed(path);
}

}  // namespace stillframe::drift
