// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "agent/base/clock.h"
#include "agent/model/container.h"
#include "agent/model/mutation.h"

namespace stillframe {

// One container as a snapshot shows it.
struct ContainerView {
  ContainerInfo info;
  WallTime started;
  bool running = false;
  bool gone = false;  // removed; kept for metrics a while
  ContainerState state = ContainerState::unknown;
  std::string why_unknown;  // what kept the agent from looking, for people
  bool ever_mutated = false;
  bool complete = true;
  WallTime last_scan;  // when its rootfs was last compared in full; 0: never
  std::uint64_t mutated_paths = 0;
  WallTime first_mutation;  // 0: none
  WallTime last_mutation;   // when the newest was seen last; 0: none
  std::map<std::pair<Class, Origin>, std::uint64_t> violations;
  VerdictCounts verdicts{};    // of changed paths
  std::uint64_t sessions = 0;  // entries from outside that the agent saw
  std::optional<Actor> last_actor;
};

}  // namespace stillframe
