// SPDX-License-Identifier: Apache-2.0
//
// What a container was over time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"

namespace stillframe::report {

// From `since` up to `until`, which is not in it. Not before 1970, so that no
// difference of two times is too large.
struct Period {
  WallTime since;
  WallTime until;
  bool contains(WallTime time) const { return since <= time && time < until; }
};

// A container's state while it runs, or that no agent was there to see it.
enum class Condition : std::uint8_t {
  still,
  mutated,
  unknown,
  stopped,
  unwatched
};
inline constexpr std::array<std::string_view, 5> kConditionNames = {
    "still", "mutated", "unknown", "stopped", "unwatched"};
constexpr std::string_view to_string(Condition condition) {
  return kConditionNames[static_cast<std::size_t>(condition)];
}

struct Stretch {
  Condition condition = Condition::unknown;
  WallTime since;
  WallTime until;
};

// Seconds, by condition: of many containers that is more than a clock counts
// in nanoseconds.
using Times = std::array<double, kConditionNames.size()>;
inline double& time_of(Times& times, Condition condition) {
  return times[static_cast<std::size_t>(condition)];
}
inline double time_of(const Times& times, Condition condition) {
  return times[static_cast<std::size_t>(condition)];
}

class Timeline {
 public:
  bool begun() const { return !changes_.empty(); }
  bool ended() const { return end_.has_value(); }
  WallTime begin() const { return changes_.front().since; }
  std::optional<WallTime> end() const { return end_; }
  Condition condition() const { return changes_.back().condition; }

  // From that time on. In the order in which it was said, which is the truth:
  // where a clock was set back, what was said before was before.
  void set(WallTime time, Condition condition);
  // The same of what may be said late: not before the latest.
  void set_late(WallTime time, Condition condition);
  // Then it was gone.
  void end(WallTime time);

  // What of it lies in the period; of one that did not end, up to its end.
  std::vector<Stretch> within(const Period& period) const;

 private:
  struct Change {
    WallTime since;
    Condition condition = Condition::unknown;
  };
  std::vector<Change> changes_;
  std::optional<WallTime> end_;
};

Times sum(const std::vector<Stretch>& stretches);

}  // namespace stillframe::report
