// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "agent/engine/context.h"
#include "agent/engine/fleet.h"

namespace stillframe::engine {

// Looks once a second at what the kernel side could not report, and has
// repaired by scans what was lost: at most every ten seconds, since a flood
// that goes on must not have the agent scan all the time.
class LossWatch {
 public:
  LossWatch(Context& context, Fleet& fleet);  // both outlive it

  // Whether the set of containers should be compared again: the start of one
  // may be among what was lost.
  bool turn(std::uint64_t now);
  std::uint64_t next_turn_ns() const { return next_check_ns_; }

 private:
  bool repair_missed(const sensors::KernelCounters& counters,
                     std::uint64_t now);
  bool repair_lost(const sensors::KernelCounters& counters, std::uint64_t now);

  Context& context_;
  Fleet& fleet_;
  std::uint64_t next_check_ns_ = 0;
  std::uint64_t next_repair_ns_ = 0;
  std::uint64_t lost_ = 0;    // repaired so far
  std::uint64_t missed_ = 0;  // runs of programs, repaired so far
};

}  // namespace stillframe::engine
