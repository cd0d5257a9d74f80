// SPDX-License-Identifier: Apache-2.0
//
// What all parts of the engine share. Belongs to the loop's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <string>

#include "agent/archive/archive.h"
#include "agent/base/clock.h"
#include "agent/containers/container_source.h"
#include "agent/engine/actors.h"
#include "agent/engine/event_log.h"
#include "agent/engine/recorder.h"
#include "agent/engine/tally.h"
#include "agent/journal/writer.h"
#include "agent/model/snapshot.h"
#include "agent/policy/policy.h"
#include "agent/sensors/kernel_side.h"
#include "agent/sensors/trial.h"

namespace stillframe::engine {

constexpr std::uint64_t kMillisecondNs = 1'000'000;
constexpr std::uint64_t kSecondNs = 1000 * kMillisecondNs;

struct Settings {
  std::string state_dir;
  std::chrono::milliseconds scan_interval{60'000};
  std::chrono::milliseconds metrics_grace{300'000};
  std::size_t max_workloads = 500;  // with counters of their own
  std::string policy_file;          // empty: none
  policy::PolicyPtr policy;  // its content; null: built-in scratch places
  std::string version = {};  // of the agent
  journal::Options journal = {};
  Recorder::Render render = {};  // an event for it; null: no journal is kept
  sensors::TryFiles try_files = sensors::try_files;
  archive::Format last_state = {};  // of containers that are gone

  std::uint64_t scan_interval_ns() const {
    return static_cast<std::uint64_t>(scan_interval.count()) * kMillisecondNs;
  }
  std::uint64_t metrics_grace_ns() const {
    return static_cast<std::uint64_t>(metrics_grace.count()) * kMillisecondNs;
  }
};

// All references outlive the context.
struct Context {
  const Settings& settings;
  const Clock& clock;
  sensors::KernelSide& kernel;
  const containers::ContainerSource& source;
  EventLog& events;
  archive::Archive& archive;

  Tally tally{settings.max_workloads};
  Actors actors{};
  AgentStats stats{};
  policy::PolicyPtr policy{};          // the one in use, never null once set
  std::set<std::string> rules_used{};  // of which that was said, today
  bool changed = true;  // what a snapshot shows, since the last one

  std::uint64_t now() const { return clock.boot_ns(); }
};

}  // namespace stillframe::engine
