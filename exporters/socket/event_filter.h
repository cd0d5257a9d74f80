// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
  // Whether no more is asked for than a number of events.
  bool takes_all() const;
};

// Sees by an entry's text that a filter does not want it: to make an event of
// its JSON takes twenty times as long.
class TextFilter {
 public:
  explicit TextFilter(const EventFilter& filter);
  bool may_want(std::string_view line) const;

 private:
  std::vector<std::string>
      needles_;  // all of them are in a line that is wanted
};

}  // namespace stillframe::socket_api
