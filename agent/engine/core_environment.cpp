// SPDX-License-Identifier: Apache-2.0
//
// What containers were given beside their rootfs: mounts and limits. Looked at
// when they begin to live, when something may have happened to them, before
// each answer, and with each regular scan.
#include <algorithm>

#include "agent/base/log.h"
#include "agent/engine/core.h"

namespace stillframe::engine {
namespace {

// A program that mounts often does so several times: one look for all.
constexpr std::uint64_t kDebounceNs = 5'000'000;

}  // namespace

void Core::meet_environment(Watched& watched) {
  const auto& record = watched.record;
  if (!watched.drift || !record.running()) return;
  if (watched.limits_cgroup != record.cgroup) {
    leave_environment(watched);
    watched.limits_cgroup = record.cgroup;
    sensors_.watch_limits(record.cgroup, finder_.limit_directories(record));
  }
  look_at_mounts(watched, false);
  on(sensors_.limits(watched.limits_cgroup));
}

void Core::leave_environment(Watched& watched) {
  if (watched.limits_cgroup != 0) sensors_.forget_limits(watched.limits_cgroup);
  watched.limits_cgroup = 0;
  watched.mounts_due_ns = 0;
}

void Core::look_at_environment(Watched& watched) {
  if (!watched.drift || !watched.running) return;
  look_at_mounts(watched, true);
  if (watched.limits_cgroup != 0) on(sensors_.limits(watched.limits_cgroup));
}

// `events`: take in first what was told while we looked, so that who changed
// what is found is known. Not for a container that is only just being taken in.
void Core::look_at_mounts(Watched& watched, bool events) {
  watched.mounts_due_ns = 0;
  const std::uint64_t begun = boottime_now_ns();
  auto mounts = finder_.mounts(watched.record);
  if (!mounts) {
    // Usually its end, of which an event comes too.
    log_debug(
        "a container's mounts could not be read",
        {{"container", watched.record.info.id}, {"error", mounts.error()}});
    return;
  }
  WatchedPtr keep;  // another container may take this one's place meanwhile
  for (const auto& item : all_) {
    if (item.get() == &watched) keep = item;
  }
  if (events) drain();
  if (!watched.running) return;
  watched.drift->observe(
      MountsObservation{begun, watched.record.cgroup, std::move(*mounts)});
  changed_ = true;
}

void Core::mounts_touched(Watched& watched, std::uint64_t boot_ns) {
  if (!watched.drift || !watched.running || watched.mounts_due_ns != 0) return;
  watched.mounts_due_ns = boot_ns + kDebounceNs;
}

void Core::on(const LimitsObservation& seen) {
  Watched* watched = find({}, seen.cgroup);
  if (watched == nullptr || !watched->drift || seen.values.empty()) return;
  watched->drift->observe(seen);
}

void Core::on(const MountsTouchedObservation& seen) {
  if (Watched* watched = find(seen.root, seen.cgroup)) {
    mounts_touched(*watched, seen.boot_ns);
  }
}

}  // namespace stillframe::engine
