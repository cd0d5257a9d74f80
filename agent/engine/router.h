// SPDX-License-Identifier: Apache-2.0
//
// Observations on their way from the kernel side to the container they concern,
// each with the actor that it names. What concerns a container's life goes to
// the population.
#pragma once

#include <cstddef>

#include "agent/engine/context.h"
#include "agent/engine/fleet.h"
#include "agent/engine/population.h"
#include "agent/engine/unclaimed.h"
#include "agent/model/observation.h"

namespace stillframe::engine {

class Router {
 public:
  // All outlive the router.
  Router(Context& context, Fleet& fleet, Population& population,
         Unclaimed& unclaimed);

  // Takes in at most `limit` waiting observations; returns how many.
  std::size_t drain(std::size_t limit);
  // Takes in what waits now; a flood cannot keep it here.
  void drain();
  void observe(const Observation& observation);

  // Mounts and limits of a container as they are now, for which waiting events
  // are taken in first.
  // `all_limits`: also those that nobody is known to have written to.
  void look_at_environment(const ContainerPtr& container,
                           bool all_limits = false);
  void look_at_mounts(const ContainerPtr& container);

 private:
  void on(const FileObservation& seen);
  void on(const ExecObservation& seen);
  void on(const SysctlObservation& seen);
  void on(const DeviceObservation& seen);
  void on(const MemoryObservation& seen);
  void on(const MountObservation& seen);
  void on(const MountsTouchedObservation& seen);
  void on(const LimitsObservation& seen);
  void on(const LiveObservation& seen);
  void on(const SessionObservation& seen);
  void on(const RunObservation& seen);
  void on(const ExitObservation& seen);
  void on(const CgroupObservation& seen);
  void on(const LossObservation& seen);

  Context& context_;
  Fleet& fleet_;
  Population& population_;
  Unclaimed& unclaimed_;
};

}  // namespace stillframe::engine
