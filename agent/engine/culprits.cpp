// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/culprits.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

#include "agent/drift/ledger/actors.h"
#include "agent/model/container_name.h"
#include "agent/model/runtime.h"

namespace stillframe::engine {
namespace {

Victim victim_of(const ContainerInfo& info) {
  const Runtime runtime = runtime_from(info.runtime);
  return {.id = info.id,
          .entered_by_callers = enters_for_its_caller(runtime),
          .limits_tool = info.space == kKubernetesSpace
                             ? kKubelet
                             : traits_of(runtime).limits_tool};
}

// As /proc shows it, whose ticks are of 10 ms. A process that is gone came from
// where its parent did; not so where that is init, which has orphans of all for
// children.
std::optional<bool> descends_from_init(
    const ProcessRef& process,
    const std::vector<containers::ContainerSource::Member>& members,
    std::uint32_t init_pid) {
  constexpr std::uint64_t kTick = 10 * kMillisecondNs;
  std::optional<bool> by_parent;
  for (const auto& member : members) {
    const std::uint64_t tick = member.start_ns / kTick;
    if (member.pid == process.pid && tick == process.start_ns / kTick) {
      return member.from_init;
    }
    if (member.pid == process.ppid && member.pid != init_pid &&
        tick <= process.start_ns / kTick) {
      by_parent = member.from_init;
    }
  }
  return by_parent;
}

}  // namespace

Actors::Place Culprits::place_of(const ContainerPtr& victim,
                                 const ProcessRef& process) const {
  if (const auto owner = fleet_.by_cgroup(process.cgroup)) {
    // Who runs within the victim may have left it by a cgroup's name alone.
    const bool within = owner->info().outer == victim->info().id;
    return owner == victim || within ? Actors::Place::victim
                                     : Actors::Place::other_container;
  }
  if (process.in_container) {
    return victim->cgroups().contains(process.cgroup)
               ? Actors::Place::victim
               : Actors::Place::other_container;
  }
  // It outlived the container that it descends from.
  return process.followed ? Actors::Place::other_container
                          : Actors::Place::host;
}

Actors::FromInit Culprits::from_init(const ContainerPtr& victim) const {
  return [this, victim](const ProcessRef& one) -> std::optional<bool> {
    const auto members = context_.source.members(victim->record());
    if (!members) return std::nullopt;
    return descends_from_init(one, *members, victim->record().init_pid);
  };
}

Actor Culprits::actor_for(const ContainerPtr& victim, const ProcessRef& process,
                          std::uint64_t boot_ns) const {
  return context_.actors.resolve(process, place_of(victim, process),
                                 from_init(victim), victim_of(victim->info()),
                                 boot_ns);
}

LimitActors Culprits::limit_actors(const ContainerPtr& container,
                                   const LimitsObservation& seen) const {
  LimitActors by;
  for (const auto& [file, writers] : seen.writers) {
    if (auto actor = setter_of_limit(container, writers, seen.boot_ns)) {
      by.emplace(file, *std::move(actor));
    }
  }
  return by;
}

// Which of several was the last is not known. If one is of a container, its
// hand was in it: nobody of the host's who wrote, too, makes that a limit that
// was set from there.
std::optional<Actor> Culprits::setter_of_limit(
    const ContainerPtr& container, const std::vector<Writer>& writers,
    std::uint64_t boot_ns) const {
  std::vector<Actor> actors;
  for (const auto& writer : writers) {
    // The container that it runs in is what a host is to others: its runtime
    // sets limits there, and is not another container that reaches out.
    const auto owner = fleet_.by_cgroup(writer.process.cgroup);
    if (owner && owner->info().id == container->info().outer) {
      return std::nullopt;
    }
    actors.push_back(context_.actors.resolve_writer(
        writer, place_of(container, writer.process), from_init(container),
        victim_of(container->info()), boot_ns));
  }
  const auto of_host = [](const Actor& one) {
    return one.origin == Origin::host;
  };
  if (!std::all_of(actors.begin(), actors.end(), of_host)) {
    std::erase_if(actors, of_host);
  }
  return std::accumulate(std::next(actors.begin()), actors.end(),
                         actors.front(), drift::in_common);
}

}  // namespace stillframe::engine
