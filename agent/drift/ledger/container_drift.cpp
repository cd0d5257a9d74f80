// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/container_drift.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "agent/drift/ledger/announcer.h"
#include "agent/drift/ledger/attribution.h"
#include "agent/drift/ledger/books.h"
#include "agent/drift/ledger/diff.h"
#include "agent/drift/ledger/directory_paths.h"
#include "agent/drift/ledger/environment.h"
#include "agent/drift/ledger/executions.h"
#include "agent/drift/ledger/file_changes.h"
#include "agent/drift/ledger/history.h"
#include "agent/drift/ledger/judge.h"
#include "agent/drift/ledger/outside_tree.h"
#include "agent/drift/ledger/records.h"
#include "agent/drift/ledger/store.h"
#include "agent/drift/ledger/verdicts.h"
#include "agent/drift/scan/runtime_diff.h"

namespace stillframe::drift {

// In the order in which they rest on each other.
struct ContainerDrift::Impl {
  Impl(ContainerRecord record_in, policy::PolicyPtr policy, EventSink sink,
       const Options& options_in)
      : options(options_in),
        record(std::move(record_in)),
        books{options.clock, {}, {}, Ledger(options.max_records)},
        store(options.state_file, record),
        judge(record, books.actors, std::move(policy)),
        announcer(books, directories, judge, verdicts, history,
                  std::move(sink)) {
    load();
    know_runtime_writes();
  }

  void load();
  void know_runtime_writes();
  Result<> flush();
  void take_in(const UpperTree::Delta& delta, std::uint64_t started,
               bool everything);

  FileChanges& observer_of(const FileObservation&) { return files; }
  Executions& observer_of(const ExecObservation&) { return executions; }
  OutsideTree& observer_of(const SysctlObservation&) { return outside; }
  OutsideTree& observer_of(const DeviceObservation&) { return outside; }
  OutsideTree& observer_of(const MemoryObservation&) { return outside; }
  Environment& observer_of(const MountObservation&) { return environment; }

  const Options options;
  ContainerRecord record;
  Books books;
  Store store;
  std::string load_trouble;
  bool load_again = false;
  bool damaged = false;
  std::uint64_t live_since_ns = 0;  // boot time; 0: not known
  History history;
  Judge judge;
  Verdicts verdicts{books, judge, history,
                    [this](const std::string& path, const Record& r) {
                      return environment.as_at_start(path, r);
                    }};
  DirectoryPaths directories{books.tree, record.root.inode};
  UnsettledOperations unsettled;
  ScanPlan plan{books.clock, books.tree, directories};
  Records records{books, verdicts};
  Announcer announcer;
  OutsideTree outside{books, records, verdicts, announcer};
  Environment environment{books, verdicts, outside};
  Executions executions{books, plan, records, verdicts, announcer};
  Attribution attribution{books, plan, unsettled, verdicts, records, announcer};
  FileChanges files{books,       plan,     directories, unsettled,
                    attribution, verdicts, records,     announcer};
};

void ContainerDrift::Impl::load() {
  StoredState state;
  Life life;
  std::string why;
  ActorTable actors;
  Ledger ledger(options.max_records);
  const auto loaded = store.load(actors, ledger, state, life, why);
  load_again = loaded == Store::Loaded::unreadable;
  load_trouble.clear();
  if (load_again) load_trouble = "the kept ledger cannot be read: " + why;
  damaged = loaded == Store::Loaded::damaged;
  if (damaged) {
    load_trouble = "the kept ledger was set apart: " + why;
  }
  if (loaded != Store::Loaded::state) return;
  if (books.ledger.size() == 0 && books.actors.size() == 0) {
    books.actors = std::move(actors);
    books.ledger = std::move(ledger);
  } else {
    merge(actors, ledger, books);
    store.rewrite();
  }
  history.load(state.ever_mutated, state.first_mutation);
  environment.load(life);
  executions.load();
  verdicts.make_stale();
}

// Those of this life, or while none is known of the one that was kept.
void ContainerDrift::Impl::know_runtime_writes() {
  const Life& life = environment.life();
  const auto since = live_since_ns != 0 ? live_since_ns : life.init_start_ns;
  judge.started(life.mounts,
                since == 0 ? WallTime{} : books.clock.wall_at(since));
}

Result<> ContainerDrift::Impl::flush() {
  if (load_again) {
    load();
    know_runtime_writes();
  }
  const StoredState state{history.ever_mutated(), history.first_mutation(),
                          books.ledger.overflow()};
  return store.flush(books.actors, books.ledger, state, environment.life());
}

void ContainerDrift::Impl::take_in(const UpperTree::Delta& delta,
                                   std::uint64_t started, bool everything) {
  directories.vanished(delta.vanished, started);
  attribution.take_in(delta, started, executions, everything);
}

ContainerDrift::ContainerDrift(ContainerRecord record, policy::PolicyPtr policy,
                               EventSink sink, const Options& options)
    : impl_(std::make_unique<Impl>(std::move(record), std::move(policy),
                                   std::move(sink), options)) {}

ContainerDrift::~ContainerDrift() = default;

void ContainerDrift::started(ContainerRecord record,
                             std::uint64_t live_since_boot_ns) {
  impl_->record = std::move(record);
  impl_->environment.started(impl_->record.init_start_ns,
                             impl_->record.asked.all_mounts);
  impl_->live_since_ns = live_since_boot_ns;
  impl_->know_runtime_writes();
  impl_->verdicts.judge_again();
}

void ContainerDrift::stopped(std::uint64_t /*boot_ns*/) {
  impl_->attribution.give_up_waiting();
  impl_->record.init_pid = 0;
}

void ContainerDrift::set_policy(policy::PolicyPtr policy) {
  impl_->judge.set_policy(std::move(policy));
  impl_->verdicts.judge_again();
}

template <typename Seen>
void ContainerDrift::observe(const Seen& seen, const Actor& actor) {
  impl_->observer_of(seen).observe(seen, actor);
}

template <typename Seen>
void ContainerDrift::observe(const Seen& seen) {
  impl_->environment.observe(seen);
}

void ContainerDrift::observe(const LimitsObservation& seen,
                             const LimitActors& by) {
  impl_->environment.observe(seen, by);
}

template void ContainerDrift::observe(const FileObservation&, const Actor&);
template void ContainerDrift::observe(const ExecObservation&, const Actor&);
template void ContainerDrift::observe(const SysctlObservation&, const Actor&);
template void ContainerDrift::observe(const DeviceObservation&, const Actor&);
template void ContainerDrift::observe(const MemoryObservation&, const Actor&);
template void ContainerDrift::observe(const MountObservation&, const Actor&);
template void ContainerDrift::observe(const MountsObservation&);

void ContainerDrift::lost(std::uint64_t boot_ns) {
  impl_->plan.need_full();
  // Who else was there is unknown now: to name one of the rest would be a
  // guess.
  impl_->attribution.lost(boot_ns);
}

void ContainerDrift::over_budget(std::uint64_t boot_ns) {
  // The kernel says so once, and goes on to the end of its window.
  constexpr std::uint64_t kWindowNs = 1'000'000'000;
  lost(boot_ns + kWindowNs);
  impl_->plan.need_full_later(boot_ns);
}

void ContainerDrift::caught_up(std::uint64_t boot_ns) {
  impl_->attribution.give_up_waiting(boot_ns);
}

ScanWork ContainerDrift::take_work() {
  impl_->announcer.expire();
  if (impl_->plan.under_way()) return {};
  impl_->verdicts.refresh();
  return impl_->plan.take_work();
}

void ContainerDrift::request_full_scan() { impl_->plan.request_full(); }

void ContainerDrift::request_thorough_scan() { impl_->plan.request_thorough(); }

bool ContainerDrift::scan_due() const { return impl_->plan.due(); }

bool ContainerDrift::scan_under_way() const { return impl_->plan.under_way(); }

std::uint64_t ContainerDrift::next_work_boot_ns() const {
  const auto sooner = [](std::uint64_t one, std::uint64_t other) {
    return one == 0 || (other != 0 && other < one) ? other : one;
  };
  const std::uint64_t next =
      sooner(impl_->plan.next_boot_ns(), impl_->attribution.next_boot_ns());
  // Totals that wait for their turn come with take_work(), too.
  const Clock& clock = impl_->books.clock;
  const std::uint64_t now = clock.mono_ns();
  const std::uint64_t due = impl_->verdicts.due_mono_ns();
  if (impl_->plan.under_way() || !impl_->verdicts.stale() || due <= now) {
    return next;
  }
  const std::uint64_t turn = clock.boot_ns() + (due - now);
  return sooner(next, turn);
}

void ContainerDrift::applied(ScanResult scan) {
  if (!impl_->plan.accept(scan)) return;
  const std::uint64_t started = scan.started_boot_ns;
  const bool complete_by_itself = scan.complete;
  const auto delta = impl_->books.tree.apply(std::move(scan));
  if (delta.missed) impl_->plan.missed();
  const bool complete = complete_by_itself && !delta.missed;
  impl_->take_in(delta, started, complete);
  if (complete) impl_->attribution.settle_all(started);
  impl_->files.scanned(started);
  if (complete) impl_->records.sweep(started);
  impl_->records.scanned(started, impl_->plan.any_pending());
  impl_->announcer.scanned(started, [&](const InodeId& directory) {
    return !complete && impl_->plan.pending(directory);
  });
  impl_->executions.scanned();
}

void ContainerDrift::applied(PartialResult part) {
  if (!impl_->plan.accept(part)) return;
  const std::uint64_t started = part.started_boot_ns;
  const auto delta = impl_->books.tree.apply_entries_of(part);
  if (delta.missed) impl_->plan.missed();
  impl_->take_in(delta, started, false);
  const auto settled = impl_->plan.settle(part);
  for (const auto& directory : settled.listed) {
    impl_->attribution.settle(directory, started);
  }
  for (const auto& gone : settled.gone) impl_->attribution.drop(gone);
  if (!impl_->plan.failing()) {
    const std::unordered_set<InodeId> unread(part.later.begin(),
                                             part.later.end());
    for (const Entry* entry : delta.appeared) {
      if (entry->directory() && !unread.contains(entry->inode)) {
        impl_->attribution.settle(entry->inode, started);
      }
    }
  }
  impl_->files.scanned(started);
  impl_->records.scanned(started, impl_->plan.any_pending());
  impl_->announcer.scanned(started, [this](const InodeId& directory) {
    return impl_->plan.pending(directory);
  });
  impl_->executions.scanned();
}

const ContainerRecord& ContainerDrift::record() const { return impl_->record; }

void ContainerDrift::set_info(const ContainerInfo& info) {
  impl_->record.info = info;
  impl_->verdicts.judge_again();  // rules match by name, image and labels
}

const UpperTree& ContainerDrift::tree() const { return impl_->books.tree; }

ChangeList ContainerDrift::diff() {
  impl_->verdicts.refresh_now();
  return diff_rows(impl_->record, impl_->books, impl_->verdicts);
}

std::vector<RuntimeLine> ContainerDrift::runtime_lines() const {
  return drift::runtime_lines(impl_->books.tree,
                              traits_of(impl_->record.info.runtime));
}

DriftSummary ContainerDrift::summary() {
  impl_->verdicts.refresh();
  const VerdictTotals& totals = impl_->verdicts.totals();
  const ScanPlan& plan = impl_->plan;
  const History& history = impl_->history;
  DriftSummary out;
  out.mutated_paths = totals.violating_paths();
  if (out.mutated_paths != 0) {
    out.state = ContainerState::mutated;
  } else if (!plan.saw_everything()) {
    out.why_unknown = plan.why_not_complete();
  } else if (const Entry* unread = impl_->books.tree.unread()) {
    out.why_unknown = impl_->books.tree.path_of(*unread) +
                      ": its bytes have not all been compared yet";
  } else if (!impl_->environment.trouble().empty()) {
    out.why_unknown = impl_->environment.trouble();
  } else {
    out.state = ContainerState::still;
  }
  out.last_scan = plan.last_complete();
  out.ever_mutated = history.ever_mutated();
  out.first_mutation = history.first_mutation();
  out.last_mutation = history.last_mutation();
  out.violations = totals.violations();
  out.verdicts = totals.verdicts();
  if (const auto last = history.last_actor()) {
    out.last_actor = impl_->books.actors.get(*last);
  }
  out.complete = !impl_->verdicts.stale() && plan.up_to_date() &&
                 impl_->books.tree.unread() == nullptr &&
                 impl_->environment.trouble().empty() &&
                 impl_->books.ledger.overflow() == 0;
  return out;
}

bool ContainerDrift::judging_due() const { return impl_->verdicts.stale(); }

std::vector<std::string> ContainerDrift::trouble() const {
  auto all = impl_->plan.trouble();
  if (!impl_->load_trouble.empty()) {
    all.insert(all.begin(), impl_->load_trouble);
  }
  if (const auto over = impl_->books.ledger.overflow(); over != 0) {
    all.push_back("the ledger is full: " + std::to_string(over) +
                  " changes are not recorded");
  }
  return all;
}

bool ContainerDrift::kept_was_damaged() const { return impl_->damaged; }

Result<> ContainerDrift::flush() { return impl_->flush(); }

std::uint64_t ContainerDrift::written() const { return impl_->store.written(); }

void ContainerDrift::forget() {
  impl_->attribution.give_up_waiting();
  impl_->store.remove();
}

}  // namespace stillframe::drift
