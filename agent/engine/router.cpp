// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/router.h"

#include "agent/base/log.h"
#include "bpf/tools.h"

namespace stillframe::engine {
namespace {

// As many events as the ring buffer can hold.
constexpr std::size_t kRingful = 32'768;

}  // namespace

Router::Router(Context& context, Fleet& fleet, Population& population,
               Unclaimed& unclaimed)
    : context_(context),
      fleet_(fleet),
      population_(population),
      unclaimed_(unclaimed) {}

std::size_t Router::drain(std::size_t limit) {
  return context_.kernel.drain(
      [this](const Observation& seen) { observe(seen); }, limit);
}

void Router::drain() { drain(kRingful); }

void Router::observe(const Observation& observation) {
  ++context_.stats.events;
  context_.changed = true;
  std::visit([this](const auto& seen) { on(seen); }, observation);
}

void Router::on(const FileObservation& seen) {
  const auto container = fleet_.find(seen.root, 0);
  if (!container) return unclaimed_.add(seen.root, seen.boot_ns, seen);
  if (!container->defer(seen)) population_.hand_over(container, seen);
}

void Router::on(const ExecObservation& seen) {
  if (const auto container = fleet_.find(seen.root, seen.process.cgroup)) {
    population_.hand_over(container, seen);
  } else if (seen.root) {
    unclaimed_.add(seen.root, seen.boot_ns, seen);
  }
}

void Router::on(const SysctlObservation& seen) {
  if (const auto container = fleet_.find(seen.root, seen.process.cgroup)) {
    population_.hand_over(container, seen);
  }
}

void Router::on(const DeviceObservation& seen) {
  const auto container = fleet_.find(seen.root, seen.process.cgroup);
  if (!container) return;
  const auto allowed =
      context_.source.device_allowed(container->record(), seen);
  if (!allowed) {
    // Reported without knowing its outcome, or a breach could stay unseen.
    ++context_.stats.metadata_errors;
    log_warn("a container's device rules could not be read",
             {{"container", container->info().id},
              {"error", allowed.error().message}});
  }
  // To ask and be refused changes nothing.
  if (allowed.value_or(true)) population_.hand_over(container, seen);
}

void Router::on(const MemoryObservation& seen) {
  if (const auto container = fleet_.find(seen.root, seen.cgroup)) {
    population_.hand_over(container, seen);
  }
}

void Router::on(const MountObservation& seen) {
  if (const auto container = fleet_.find(seen.root, seen.cgroup)) {
    population_.hand_over(container, seen);
    container->mounts_touched(seen.boot_ns);
  } else if (seen.root) {
    unclaimed_.add(seen.root, seen.boot_ns, seen);
  }
}

void Router::on(const MountsTouchedObservation& seen) {
  if (const auto container = fleet_.find(seen.root, seen.cgroup)) {
    container->mounts_touched(seen.boot_ns);
  }
}

void Router::on(const LimitsObservation& seen) {
  if (const auto container = fleet_.by_cgroup(seen.cgroup)) {
    container->observe(seen,
                       population_.culprits().limit_actors(container, seen));
  }
}

void Router::on(const LiveObservation& seen) { population_.first_exec(seen); }

void Router::on(const SessionObservation& seen) {
  ++context_.stats.sessions;
  context_.actors.session_started(seen);
  if (const auto container = fleet_.find(seen.root, seen.process.cgroup)) {
    container->session_started();
  }
}

void Router::on(const RunObservation& seen) {
  context_.actors.run_started(seen);
}

void Router::on(const ExitObservation& seen) {
  const auto container = fleet_.by_cgroup(seen.process.cgroup);
  if (!container) return;
  if (seen.init) {
    if (seen.process.pid == container->record().init_pid) {
      population_.stop(container, seen.boot_ns);
    }
    return;
  }
  const WallTime time = context_.clock.wall_at(seen.boot_ns);
  if (seen.process.run != 0) {
    const std::uint64_t run = sf_run_start(seen.process.run);
    context_.actors.run_ended(run, seen.boot_ns);
    container->run_ended(run, time);
  }
  if (!seen.leader) return;
  context_.actors.run_ended(seen.process.session, seen.boot_ns);
  container->session_ended({seen.process.session, time,
                            SharedActor(population_.culprits().actor_for(
                                container, seen.process, seen.boot_ns))});
}

void Router::on(const CgroupObservation& seen) {
  if (!seen.removed) {
    if (const auto container = fleet_.find(seen.root, 0)) {
      fleet_.own_cgroup(container, seen.cgroup);
      population_.look_within();
    }
    return;
  }
  const auto container = fleet_.by_cgroup(seen.cgroup);
  if (!container) return;
  fleet_.disown_cgroup(seen.cgroup);
  if (container->record().cgroup == seen.cgroup) {
    population_.stop(container, seen.boot_ns);
  }
}

void Router::on(const LossObservation& seen) {
  const auto container = fleet_.find(seen.root, 0);
  if (!container || !container->watched()) return;
  container->over_budget(seen.boot_ns);
  context_.events.agent("sensor_gap", "events of container " +
                                          container->info().id +
                                          " over its budget: scanning it");
}

void Router::look_at_environment(const ContainerPtr& container,
                                 bool all_limits) {
  if (!container->running()) return;
  look_at_mounts(container);
  const auto limits = container->read_limits(all_limits);
  container->observe(limits,
                     population_.culprits().limit_actors(container, limits));
}

void Router::look_at_mounts(const ContainerPtr& container) {
  const auto mounts = container->read_mounts();
  if (!mounts) return;
  drain();
  container->mounts_seen(*mounts);
}

}  // namespace stillframe::engine
