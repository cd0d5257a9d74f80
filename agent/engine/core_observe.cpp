// SPDX-License-Identifier: Apache-2.0
//
// Observations on their way from the sensors to the container they concern.
#include <algorithm>
#include <utility>

#include "agent/base/log.h"
#include "agent/engine/core.h"
#include "agent/engine/unclaimed.h"

namespace stillframe::engine {
namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;
// A runtime that removes a container has deleted the next file by then.
constexpr std::uint64_t kHold = 500 * kMillisecond;
constexpr std::uint64_t kHoldAtMost = 30'000 * kMillisecond;
constexpr std::size_t kMaxHeld = 16'384;
constexpr std::size_t kMaxUnresolved = 256;
constexpr std::size_t kMaxEnded = 64;  // sessions of a container

}  // namespace

void Core::observe(Observation&& observation) {
  ++stats_.events;
  changed_ = true;
  std::visit([this](const auto& seen) { on(seen); }, observation);
}

Watched* Core::find(const UpperRoot& root, std::uint64_t cgroup) const {
  if (root) {
    const auto it = by_root_.find(root);
    return it == by_root_.end() ? nullptr : it->second;
  }
  const auto it = by_cgroup_.find(cgroup);
  return it == by_cgroup_.end() ? nullptr : it->second;
}

Actor Core::actor_for(const Watched& victim, const ProcessRef& process) {
  const auto owner = by_cgroup_.find(process.cgroup);
  auto place = Actors::Place::host;
  if (owner != by_cgroup_.end()) {
    place = owner->second == &victim ? Actors::Place::victim
                                     : Actors::Place::other_container;
  } else if (process.in_container) {
    place = victim.cgroups.count(process.cgroup) != 0
                ? Actors::Place::victim
                : Actors::Place::other_container;
  }
  return actors_.resolve(
      process, place, [&](std::uint32_t pid) -> std::optional<bool> {
        for (const auto& member : finder_.members(victim.record)) {
          if (member.pid == pid) return member.from_init;
        }
        return std::nullopt;
      });
}

template <typename Seen>
void Core::hand_over(Watched& watched, const Seen& seen) {
  if (!watched.drift) return;
  const Actor actor = actor_for(watched, seen.process);
  watched.drift->observe(seen, actor);
}

Core::Unclaimed& Core::unclaimed(const UpperRoot& root, std::uint64_t boot_ns) {
  const auto known = unclaimed_.find(root);
  if (known != unclaimed_.end()) return *known->second;
  if (unclaimed_.size() >= Unclaimed::kMaxRoots) {
    unclaimed_.erase(std::min_element(
        unclaimed_.begin(), unclaimed_.end(), [](const auto& a, const auto& b) {
          return a.second->since_ns < b.second->since_ns;
        }));
  }
  return *(unclaimed_[root] = std::make_unique<Unclaimed>(boot_ns));
}

void Core::on(const FileObservation& seen) {
  Watched* watched = find(seen.root, 0);
  if (watched == nullptr) {
    unclaimed(seen.root, seen.boot_ns).add(seen);
    return;
  }
  if (!watched->running && seen.direct && !seen.live) {
    if (watched->held.size() < kMaxHeld) watched->held.push_back(seen);
    if (watched->held.size() == 1) watched->exited_ns = seen.boot_ns;
    watched->held_until_ns =
        std::min(seen.boot_ns + kHold, watched->exited_ns + kHoldAtMost);
    return;
  }
  hand_over(*watched, seen);
}

void Core::on(const ExecObservation& seen) {
  if (Watched* watched = find(seen.root, seen.process.cgroup)) {
    hand_over(*watched, seen);
  } else if (seen.root) {
    unclaimed(seen.root, seen.boot_ns).add(seen);
  }
}

void Core::on(const SysctlObservation& seen) {
  if (Watched* watched = find(seen.root, seen.process.cgroup)) {
    hand_over(*watched, seen);
  }
}

void Core::on(const DeviceObservation& seen) {
  Watched* watched = find(seen.root, seen.process.cgroup);
  if (watched == nullptr) return;
  // To ask and be refused changes nothing.
  if (finder_.device_allowed(watched->record, seen)) hand_over(*watched, seen);
}

void Core::on(const MemoryObservation& seen) {
  if (Watched* watched = find(seen.root, seen.cgroup)) {
    hand_over(*watched, seen);
  }
}

void Core::on(const MountObservation& seen) {
  if (Watched* watched = find(seen.root, seen.cgroup)) {
    hand_over(*watched, seen);
    mounts_touched(*watched, seen.boot_ns);
  } else if (seen.root) {
    unclaimed(seen.root, seen.boot_ns).add(seen);
  }
}

void Core::on(const LiveObservation& seen) {
  Watched* known = find(seen.root, seen.process.cgroup);
  if (known != nullptr && known->running &&
      known->record.init_pid != seen.process.pid &&
      by_cgroup_.count(seen.process.cgroup) != 0) {
    // It ran before the kernel side knew it: this was no first exec. Tell the
    // kernel who belongs to whom.
    register_running(*known);
    return;
  }
  auto record = finder_.resolve(seen);
  if (!record) {
    log_debug("no container found for a first exec",
              {{"cgroup", seen.cgroup_name}, {"error", record.error()}});
    if (unresolved_.size() < kMaxUnresolved) {
      unresolved_.emplace_back(seen, 1);
      next_retry_ns_ = boottime_now_ns() + 100 * kMillisecond;
    } else {
      sensors_.remove_cgroup(seen.process.cgroup);
      if (seen.root) sensors_.remove_root(seen.root);
    }
    return;
  }
  if (record->cgroup == 0) record->cgroup = seen.process.cgroup;
  if (record->init_pid == 0) record->init_pid = seen.process.pid;
  record->init_start_ns = seen.process.start_ns;
  if (!record->root) record->root = seen.root;
  Watched& watched = *adopt(std::move(*record), seen.boot_ns);
  // Init may live in a cgroup below the container's own (…scope/container),
  // into which later execs need not go.
  for (const std::uint64_t cgroup : finder_.cgroups(watched.record)) {
    watched.cgroups.insert(cgroup);
    by_cgroup_[cgroup] = &watched;
    if (cgroup != seen.process.cgroup) {
      sensors_.add_cgroup(cgroup, watched.record.root, watched.record.init_pid,
                          cgroup != watched.record.cgroup);
    }
  }
  watched.cgroups.insert(seen.process.cgroup);
  by_cgroup_[seen.process.cgroup] = &watched;
}

void Core::on(const SessionObservation& seen) {
  ++stats_.sessions;
  actors_.session_started(seen);
}

void Core::on(const ExitObservation& seen) {
  const auto it = by_cgroup_.find(seen.process.cgroup);
  if (it == by_cgroup_.end()) return;
  Watched& watched = *it->second;
  if (seen.init) {
    if (seen.process.pid == watched.record.init_pid) {
      stopped(watched, seen.boot_ns);
    }
    return;
  }
  EndedSession ended;
  ended.id = seen.process.session;
  ended.time = wall_from_boottime(seen.boot_ns);
  ended.leader = actor_for(watched, seen.process);
  ended.told = watched.sessions.erase(ended.id) != 0;
  if (ended.told) {
    events_.lifecycle(watched.record.info, Lifecycle::session_ended, ended.time,
                      ended.leader);
  }
  watched.ended_sessions.push_back(std::move(ended));
  if (watched.ended_sessions.size() > kMaxEnded) {
    watched.ended_sessions.pop_front();
  }
}

void Core::on(const CgroupObservation& seen) {
  if (!seen.removed) {
    if (Watched* watched = find(seen.root, 0)) {
      watched->cgroups.insert(seen.cgroup);
      by_cgroup_[seen.cgroup] = watched;
    }
    return;
  }
  const auto it = by_cgroup_.find(seen.cgroup);
  if (it == by_cgroup_.end()) return;
  Watched& watched = *it->second;
  watched.cgroups.erase(seen.cgroup);
  by_cgroup_.erase(it);
  if (watched.running && watched.record.cgroup == seen.cgroup) {
    stopped(watched, seen.boot_ns);
  }
}

void Core::on(const LossObservation& seen) {
  Watched* watched = find(seen.root, 0);
  if (watched == nullptr || !watched->drift) return;
  watched->drift->lost(seen.boot_ns);
  events_.agent("sensor_gap", "events of container " + watched->record.info.id +
                                  " over its budget: scanning it");
}

void Core::published(Watched& watched, const MutationEvent& event) {
  tally_.mutation(watched.record.info, event);
  events_.mutation(watched.record.info, event);
  if (!event.actor.session) return;
  const auto ended = std::find_if(
      watched.ended_sessions.begin(), watched.ended_sessions.end(),
      [&](const auto& one) { return one.id == event.actor.session->id; });
  const bool open = ended == watched.ended_sessions.end();
  const bool fresh =
      open ? watched.sessions.insert(event.actor.session->id).second
           : !std::exchange(ended->told, true);
  if (!fresh) return;
  events_.lifecycle(watched.record.info, Lifecycle::session_started,
                    event.actor.session->start, event.actor);
  if (!open) {
    events_.lifecycle(watched.record.info, Lifecycle::session_ended,
                      ended->time, ended->leader);
  }
}

void Core::claim(Watched& watched) {
  const auto it = unclaimed_.find(watched.record.root);
  if (it == unclaimed_.end()) return;
  const auto unclaimed = std::move(it->second);
  unclaimed_.erase(it);
  for (const auto& seen : unclaimed->take()) {
    std::visit([&](const auto& one) { hand_over(watched, one); }, seen);
  }
  if (unclaimed->overflowed() && watched.drift) {
    watched.drift->lost(boottime_now_ns());
  }
}

void Core::release_held(Watched& watched, std::uint64_t now) {
  if (watched.held.empty() || now < watched.held_until_ns) return;
  if (!finder_.exists(watched.record).value_or(true))
    return;  // check_existence() ends it
  const auto held = std::move(watched.held);
  watched.held.clear();
  for (const auto& seen : held) hand_over(watched, seen);
}

}  // namespace stillframe::engine
