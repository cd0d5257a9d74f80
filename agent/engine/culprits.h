// SPDX-License-Identifier: Apache-2.0
//
// Who a process is to the container that it changed: its own, one that came in,
// the host's, or another container's.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "agent/engine/context.h"
#include "agent/engine/fleet.h"
#include "agent/model/observation.h"

namespace stillframe::engine {

class Culprits {
 public:
  // Both outlive it.
  Culprits(Context& context, const Fleet& fleet)
      : context_(context), fleet_(fleet) {}

  // `boot_ns`: when it acted.
  Actor actor_for(const ContainerPtr& victim, const ProcessRef& process,
                  std::uint64_t boot_ns) const;
  // Who wrote limits of the container.
  LimitActors limit_actors(const ContainerPtr& container,
                           const LimitsObservation& seen) const;

 private:
  // Where the process is, as seen from the container.
  Actors::Place place_of(const ContainerPtr& victim,
                         const ProcessRef& process) const;
  std::optional<Actor> setter_of_limit(const ContainerPtr& container,
                                       const std::vector<Writer>& writers,
                                       std::uint64_t boot_ns) const;
  Actors::FromInit from_init(const ContainerPtr& victim) const;

  Context& context_;
  const Fleet& fleet_;
};

}  // namespace stillframe::engine
