// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/container_drift.h"

#include <algorithm>

#include "agent/drift/ledger/container_drift_impl.h"
#include "agent/drift/ledger/diff.h"

namespace stillframe::drift {

namespace {

// Files are stamped by a clock that ticks (HZ=100): what was made just now may
// look this much older.
constexpr std::int64_t kTickNs = 10'000'000;

}  // namespace

ContainerDrift::ContainerDrift(ContainerRecord record, policy::PolicyPtr policy,
                               EventSink sink, Options options)
    : impl_(std::make_unique<Impl>(std::move(record), std::move(policy),
                                   std::move(sink), std::move(options))) {}

ContainerDrift::~ContainerDrift() = default;

void ContainerDrift::started(ContainerRecord record,
                             std::uint64_t live_since_boot_ns) {
  impl_->lived_before = impl_->state.lived;
  if (record.layers.plain && live_since_boot_ns != 0 && !impl_->state.lived &&
      impl_->tree.empty()) {
    impl_->own_until = {impl_->options.clock.wall_at(live_since_boot_ns).ns -
                        kTickNs};
  }
  impl_->state.lived = true;
  impl_->live_since_ns = live_since_boot_ns;
  impl_->record = std::move(record);
  impl_->judge.started();
  impl_->begin_life(impl_->record.init_start_ns);
  impl_->verdicts.judge_again();
}

void ContainerDrift::stopped(std::uint64_t /*boot_ns*/) {
  impl_->lived_before = impl_->state.lived;
  impl_->record.init_pid = 0;
}

void ContainerDrift::set_policy(policy::PolicyPtr policy) {
  impl_->judge.set_policy(std::move(policy));
  impl_->verdicts.judge_again();
}

void ContainerDrift::observe(const FileObservation& seen, const Actor& actor) {
  impl_->observe(seen, actor);
}

void ContainerDrift::observe(const ExecObservation& seen, const Actor& actor) {
  impl_->observe(seen, actor);
}

void ContainerDrift::observe(const SysctlObservation& seen,
                             const Actor& actor) {
  impl_->observe(seen, actor);
}

void ContainerDrift::observe(const DeviceObservation& seen,
                             const Actor& actor) {
  impl_->observe(seen, actor);
}

void ContainerDrift::observe(const MemoryObservation& seen,
                             const Actor& actor) {
  impl_->observe(seen, actor);
}

void ContainerDrift::observe(const MountObservation& seen, const Actor& actor) {
  impl_->observe(seen, actor);
}

void ContainerDrift::observe(const MountsObservation& seen) {
  impl_->observe(seen);
}

void ContainerDrift::observe(const LimitsObservation& seen) {
  impl_->observe(seen);
}

void ContainerDrift::lost(std::uint64_t boot_ns) {
  impl_->full_due = true;
  // Who else was there is unknown now: to name one of the rest would be a
  // guess.
  impl_->candidates.settle_all(boot_ns + 1);
}

ScanWork ContainerDrift::take_work() { return impl_->take_work(); }

void ContainerDrift::request_full_scan() {
  impl_->full_due = true;
  impl_->full_asked = true;
}

bool ContainerDrift::scan_due() const { return impl_->scan_due(); }

bool ContainerDrift::scan_under_way() const { return impl_->under_way; }

std::uint64_t ContainerDrift::next_work_boot_ns() const {
  return impl_->next_work();
}

void ContainerDrift::applied(const ScanResult& scan) { impl_->applied(scan); }

void ContainerDrift::applied(const PartialResult& part) {
  impl_->applied(part);
}

const ContainerRecord& ContainerDrift::record() const { return impl_->record; }

void ContainerDrift::set_info(const ContainerInfo& info) {
  impl_->record.info = info;
  impl_->verdicts.judge_again();  // rules match by name, image and labels
}

const UpperTree& ContainerDrift::tree() const { return impl_->tree; }

std::vector<PathChange> ContainerDrift::diff() {
  impl_->verdicts.refresh_now();
  return diff_rows(impl_->record, impl_->books, impl_->verdicts);
}

std::vector<std::string> ContainerDrift::docker_lines() const {
  return runtime_diff_lines(impl_->tree, impl_->record.info.runtime);
}

DriftSummary ContainerDrift::summary() { return impl_->summary(); }

std::vector<std::string> ContainerDrift::trouble() const {
  auto all = impl_->trouble;
  if (!impl_->scan_trouble.empty()) all.push_back(impl_->scan_trouble);
  if (!impl_->unknowable.empty()) all.push_back(impl_->unknowable);
  if (const auto over = impl_->ledger.overflow(); over != 0) {
    all.push_back("the ledger is full: " + std::to_string(over) +
                  " changes are not recorded");
  }
  return all;
}

Result<> ContainerDrift::flush() { return impl_->flush(); }

void ContainerDrift::forget() { impl_->store.remove(); }

}  // namespace stillframe::drift
