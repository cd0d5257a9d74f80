// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/container_drift_impl.h"

namespace stillframe::drift {

ContainerDrift::Impl::Impl(ContainerRecord record_in,
                           policy::PolicyPtr policy_in, EventSink sink_in,
                           Options options_in)
    : record(std::move(record_in)),
      sink(std::move(sink_in)),
      options(std::move(options_in)),
      books{options.clock, {}, {}, Ledger(options.max_records)},
      judge(record, actors, std::move(policy_in)),
      verdicts(record, books, judge, history,
               [this](const std::string& path, const Record& r) {
                 return as_at_live(path, r);
               }),
      store(options.state_file, record) {
  load();
}

void ContainerDrift::Impl::load() {
  std::string why;
  switch (store.load(actors, ledger, state, life, why)) {
    case Store::Loaded::state:
      lived_before = state.lived;
      history.load(state.ever_mutated, state.first_mutation);
      ledger.for_each([this](const RecordKey& key, const Record& r) {
        if (key.inode && r.kinds.has_class(Class::code)) {
          ran[key.inode.ino] = {key.inode, ""};
        }
      });
      verdicts.make_stale();
      break;
    case Store::Loaded::damaged:
      trouble.push_back("the kept ledger was set aside: " + why);
      [[fallthrough]];
    case Store::Loaded::nothing:
      actors = ActorTable();
      ledger = Ledger(options.max_records);
      state = {};
      life = {};
      break;
  }
}

Result<> ContainerDrift::Impl::flush() {
  state.ever_mutated = history.ever_mutated();
  state.first_mutation = history.first_mutation();
  state.overflow = ledger.overflow();
  return store.flush(actors, ledger, state, life);
}

std::string ContainerDrift::Impl::why_unknown() const {
  if (!scan_trouble.empty()) return scan_trouble;
  if (last_scan_ns == 0) return "the rootfs has not been scanned yet";
  return "the latest scan did not see the full rootfs";
}

DriftSummary ContainerDrift::Impl::summary() {
  verdicts.refresh();
  const VerdictTotals& totals = verdicts.totals();
  DriftSummary out;
  out.mutated_paths = totals.violating_paths();
  out.state = out.mutated_paths != 0 ? ContainerState::mutated
              : scan_complete        ? ContainerState::still
                                     : ContainerState::unknown;
  if (out.state == ContainerState::unknown) out.why_unknown = why_unknown();
  out.last_scan = last_complete_scan;
  out.ever_mutated = history.ever_mutated();
  out.first_mutation = history.first_mutation();
  out.violations = totals.violations();
  if (const auto last = history.last_actor()) out.last_actor = actor(*last);
  out.complete = !verdicts.stale() && scan_complete && !full_due &&
                 !full_under_way && !under_way && dirty.empty() &&
                 ledger.overflow() == 0 && unknowable.empty();
  return out;
}

}  // namespace stillframe::drift
