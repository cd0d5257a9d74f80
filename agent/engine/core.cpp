// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/core.h"

#include <algorithm>

#include "agent/base/log.h"

namespace stillframe::engine {

Core::Core(const Settings& settings, const Clock& clock,
           sensors::KernelSide& kernel,
           const containers::ContainerSource& source, ScanRunner& runner,
           EventLog& events, archive::Archive& archive)
    : context_{settings, clock, kernel, source, events, archive},
      unclaimed_(
          [&kernel](const UpperRoot& root) { kernel.remove_root(root); }),
      population_(context_, fleet_, unclaimed_),
      router_(context_, fleet_, population_, unclaimed_),
      scans_(context_, router_, population_, runner),
      policy_(context_, fleet_),
      losses_(context_, fleet_),
      requests_(context_, fleet_, population_, scans_),
      leftovers_(context_, fleet_) {}

void Core::discover() {
  population_.discover();
  leftovers_.turn(population_.all_known());
}

void Core::turn(bool caught_up) {
  const std::uint64_t now = context_.now();
  if (fleet_.any_plain() && context_.kernel.watch_plain(true)) {
    context_.changed = true;
  }
  if (losses_.turn(now)) population_.reconcile_soon();
  policy_.check_expiry();
  population_.reconcile(now);
  population_.turn(now);
  leftovers_.turn(population_.all_known());
  report_damaged_states();
  for (const auto& container : fleet_.due(now)) {
    if (caught_up) container->caught_up(now);
    turn(container, now);
    container->turned();
  }
}

void Core::turn(const ContainerPtr& container, std::uint64_t now) {
  if (container->regular_scan_due(now)) {
    container->regular_scan_done(now);
    container->request_thorough_scan();
    router_.look_at_environment(container, true);
  }
  if (container->mounts_due(now)) router_.look_at_mounts(container);
  if (container->removed()) return;
  scans_.start(container);
  scans_.finish_updates(container);
  if (const auto flushed = container->flush(now); !flushed) {
    log_error("cannot keep a container's ledger",
              {{"container", container->info().id},
               {"error", flushed.error()},
               {"hint", "make room in the state directory"}});
  }
  container->keep(now);
}

void Core::report_damaged_states() {
  for (const auto& line : context_.archive.take_trouble()) {
    ++context_.stats.state_damaged;
    log_warn("kept state was damaged",
             {{"what", line}, {"hint", "the journal has its events"}});
    context_.events.agent("state_damaged", line);
  }
}

std::uint64_t Core::next_turn_ns() const {
  return std::min({losses_.next_turn_ns(), population_.next_turn_ns(),
                   fleet_.next_turn_ns()});
}

std::shared_ptr<const Snapshot> Core::take_snapshot() {
  context_.changed = false;
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->taken = context_.clock.wall();
  snapshot->ready = first_scans_done();
  fleet_.show(snapshot->containers);
  population_.show_departed(snapshot->containers);
  context_.tally.look(snapshot->containers, context_.now());
  context_.tally.fill(*snapshot);
  snapshot->lifecycle = context_.events.lifecycle_counts();
  snapshot->sensors = context_.kernel.status();
  snapshot->policy = policy_.state();
  snapshot->stats = context_.stats;
  const auto counts = log_counts();
  snapshot->stats.log_warnings = counts.warnings;
  snapshot->stats.log_errors = counts.errors;
  snapshot->stats.log_left_out = counts.left_out;
  return snapshot;
}

}  // namespace stillframe::engine
