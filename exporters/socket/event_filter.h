// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/policy/glob.h"
#include "exporters/agent_api.h"

namespace stillframe::socket_api {

// Which events a client wants; what is empty takes all.
struct EventFilter {
  std::string container;  // id, beginning of it, or a name
  std::string class_name;
  std::string kind;
  std::string verdict;
  std::string origin;
  std::string tool;
  std::optional<policy::PathGlob> path;
  std::optional<WallTime> since;
  std::optional<WallTime> until;
  std::uint64_t after = 0;  // only those with higher numbers

  bool wants(const StreamEvent& event) const;
};

}  // namespace stillframe::socket_api
