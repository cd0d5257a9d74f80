// SPDX-License-Identifier: Apache-2.0
//
// The agent's state at one instant, immutable once published. The loop makes a
// new one after each batch of work; HTTP threads read the latest.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "agent/model/container_views.h"
#include "agent/model/mutation.h"
#include "agent/model/policy.h"

namespace stillframe {

struct Histogram {
  std::vector<double> bounds;         // upper bounds, ascending, no +Inf
  std::vector<std::uint64_t> counts;  // one more than bounds
  double sum = 0;
};

using MutationKey = std::tuple<std::string /*namespace*/,
                               std::string /*workload*/, Kind, Origin, Verdict>;
using ReplacementKey =
    std::tuple<std::string, std::string, bool /*image changed*/>;
using ToolKey = std::tuple<std::string, std::string, std::string /*tool*/>;

enum class Coverage : std::uint8_t { events, state, none };

// One implementation of a sensor that was tried here, and what came of it.
struct SensorAttempt {
  std::string implementation;
  bool in_use = false;
  std::string answer;   // the kernel's or libbpf's words; may be empty
  std::string meaning;  // the same for people; empty: it works
  std::string fix;
};

// How one sensor works on this machine.
struct SensorStatus {
  std::string sensor;          // lifecycle, files, code, libraries, …
  std::string implementation;  // tp_btf ctime, …; empty: none
  Coverage coverage = Coverage::none;
  std::string reason;  // why not better; empty: nothing to say
  std::string fix;
  std::vector<SensorAttempt> tried;  // best first, until one worked
  // What a sensor whose coverage is `events` does not see as it happens: only
  // scans find it, without the actor. Short texts: "rename", "direct writes
  // into the upper directory".
  std::vector<std::string> by_scan = {};
};

using CountByReason = std::map<std::string, std::uint64_t>;

// Totals since the agent started: X(type, name). The engine writes each of
// them, and each is shown by a metric: tests hold this list against both.
//   events           from the kernel
//   lost             by reason
//   suppressed       over a container's budget
//   unlisted         files that found no room among the inodes the kernel knows
//   scan_errors      scans that met an error, however many entries it concerned
//   sessions         entries into running containers
//   metadata_errors  broken config.json and the like
//   state_damaged    files of the state directory that were set apart
#define STILLFRAME_AGENT_STATS(X)   \
  X(std::uint64_t, events)          \
  X(CountByReason, lost)            \
  X(std::uint64_t, suppressed)      \
  X(std::uint64_t, unlisted)        \
  X(std::uint64_t, scans)           \
  X(std::uint64_t, scan_errors)     \
  X(std::uint64_t, scan_entries)    \
  X(double, scan_seconds)           \
  X(std::uint64_t, sessions)        \
  X(std::uint64_t, metadata_errors) \
  X(std::uint64_t, state_damaged)   \
  X(std::uint64_t, log_warnings)    \
  X(std::uint64_t, log_errors)      \
  X(std::uint64_t, log_left_out)

struct AgentStats {
#define STILLFRAME_FIELD(type, name) type name{};
  STILLFRAME_AGENT_STATS(STILLFRAME_FIELD)
#undef STILLFRAME_FIELD
};

// Calls visit("events", stats.events), and so on.
template <typename Visit>
void each_stat(AgentStats& stats, const Visit& visit) {
#define STILLFRAME_VISIT(type, name) visit(std::string_view(#name), stats.name);
  STILLFRAME_AGENT_STATS(STILLFRAME_VISIT)
#undef STILLFRAME_VISIT
}

struct Snapshot {
  WallTime taken;
  bool ready = false;  // sensors attached and the first scan done
  ContainerViews containers;
  std::map<MutationKey, std::uint64_t> mutations;
  std::map<ToolKey, std::uint64_t> in_place_updates;
  std::map<ReplacementKey, std::uint64_t> replacements;
  std::map<std::string, std::uint64_t> lifecycle;
  Histogram mutated_lifetime;
  std::vector<SensorStatus> sensors;
  PolicyState policy;
  AgentStats stats;
};

using SnapshotPtr = std::shared_ptr<const Snapshot>;

}  // namespace stillframe
