// SPDX-License-Identifier: Apache-2.0
//
// Scans, and the answers that wait for them.
#include <fmt/format.h>

#include <algorithm>

#include "agent/base/log.h"
#include "agent/base/text.h"
#include "agent/engine/core.h"
#include "agent/engine/unclaimed.h"

namespace stillframe::engine {
namespace {

// A container that changes all the time never comes to rest: answer all the
// same, `complete` tells.
constexpr unsigned kMaxRounds = 3;

// As many events as the ring buffer can hold.
constexpr std::size_t kRingful = 32'768;

std::string names_of(const std::vector<const Watched*>& list) {
  std::string out;
  for (const Watched* watched : list) {
    if (!out.empty()) out += ", ";
    if (out.size() > 200) return out + "…";
    const auto& info = watched->record.info;
    out += display(info.name.empty() ? info.id.substr(0, 12) : info.name);
  }
  return out;
}

}  // namespace

void Core::drain() {
  // Bounded by what the ring buffer holds: a flood cannot keep us here.
  sensors_.drain([this](Observation&& seen) { observe(std::move(seen)); },
                 kRingful);
}

void Core::start_scan(Watched& watched) {
  if (watched.drift->scan_under_way()) return;
  drift::ScanWork work = watched.drift->take_work();
  if (!work) return;
  const auto shared = std::find_if(
      all_.begin(), all_.end(),
      [&](const WatchedPtr& item) { return item.get() == &watched; });
  scans_.submit(
      watched.scanner, watched.drift, std::move(work), !watched.waiters.empty(),
      [this] { drain(); },
      [this, keep = *shared](const ScanOutcome& outcome) {
        scan_applied(keep, outcome);
      });
}

void Core::scan_applied(const WatchedPtr& watched, const ScanOutcome& outcome) {
  changed_ = true;
  ++stats_.scans;
  stats_.scan_entries += outcome.entries;
  stats_.scan_errors += outcome.errors;
  stats_.scan_seconds += static_cast<double>(outcome.duration_ns) / 1e9;
  if (outcome.full) scanned(*watched);
  if (!outcome.full) return;
  std::vector<ScanWaiter> waiters;
  waiters.swap(watched->waiters);
  for (auto& waiter : waiters) {
    const bool answered = outcome.started_boot_ns >= waiter.asked_boot_ns;
    if (answered &&
        (!watched->drift->scan_due() || ++waiter.rounds >= kMaxRounds)) {
      waiter.done();
    } else {
      watched->waiters.push_back(std::move(waiter));
    }
  }
  if (!watched->waiters.empty()) {
    watched->drift->request_full_scan();
    start_scan(*watched);
  }
}

void Core::scan_then(Watched& watched, std::function<void()> done) {
  if (!watched.drift) {
    done();
    return;
  }
  look_at_environment(watched);
  watched.waiters.push_back({boottime_now_ns(), 0, std::move(done)});
  watched.drift->request_full_scan();
  start_scan(watched);
}

Result<Watched*> Core::choose(const std::string& container) const {
  std::vector<const Watched*> exact;
  std::vector<const Watched*> prefixed;
  std::vector<const Watched*> everyone;
  for (const auto& watched : all_) {
    const auto& info = watched->record.info;
    everyone.push_back(watched.get());
    if (info.id == container || info.name == container) {
      exact.push_back(watched.get());
    } else if (!container.empty() && starts_with(info.id, container)) {
      prefixed.push_back(watched.get());
    }
  }
  const auto& found = exact.empty() ? prefixed : exact;
  if (found.size() == 1) return const_cast<Watched*>(found.front());
  if (found.empty()) {
    return tl::unexpected<Error>(Error{
        ENOENT,
        "no container " + display(container) + " on this node" +
            (everyone.empty() ? "" : "; there are: " + names_of(everyone))});
  }
  return tl::unexpected<Error>(
      Error{EINVAL, display(container) + " means several containers (" +
                        names_of(found) + "): give more of the id"});
}

void Core::diff(const std::string& container,
                std::function<void(Result<DiffAnswer>)> done) {
  auto chosen = choose(container);
  if (!chosen) {
    done(tl::unexpected<Error>(chosen.error()));
    return;
  }
  const auto keep = *std::find_if(
      all_.begin(), all_.end(),
      [&](const WatchedPtr& item) { return item.get() == *chosen; });
  scan_then(**chosen, [keep, done = std::move(done)] {
    DiffAnswer answer;
    answer.container = view_of(*keep);
    answer.complete = answer.container.complete;
    if (keep->drift) {
      answer.changes = keep->drift->diff();
      answer.docker_lines = keep->drift->docker_lines();
    }
    done(std::move(answer));
  });
}

void Core::scan_all(std::function<void()> done) {
  const auto left = std::make_shared<std::size_t>(1);
  const auto one_less = [left, done = std::move(done)] {
    if (--*left == 0) done();
  };
  const std::uint64_t now = boottime_now_ns();
  for (const auto& watched : std::vector<WatchedPtr>(all_)) {
    watched->next_check_ns = 0;
    check_existence(*watched, now);
  }
  for (const auto& watched : std::vector<WatchedPtr>(all_)) {
    ++*left;
    scan_then(*watched, one_less);
  }
  one_less();
}

std::shared_ptr<const Snapshot> Core::snapshot() const {
  changed_ = false;
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->taken = wall_now();
  snapshot->ready = first_scans_done();
  for (const auto& watched : all_) {
    snapshot->containers.push_back(view_of(*watched));
  }
  for (const auto& [until, view] : departed_) {
    snapshot->containers.push_back(view);
  }
  tally_.fill(*snapshot);
  snapshot->lifecycle = events_.lifecycle_counts();
  snapshot->sensors = sensors_.status();
  snapshot->policy = policy_state_;
  snapshot->stats = stats_;
  const auto counts = log_counts();
  snapshot->stats.log_warnings = counts.warnings;
  snapshot->stats.log_errors = counts.errors;
  return snapshot;
}

}  // namespace stillframe::engine
