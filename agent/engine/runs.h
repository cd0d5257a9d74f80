// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>
#include <utility>

#include "agent/base/clock.h"
#include "agent/model/observation.h"

namespace stillframe::engine {

// Runs of tools: which one a process is part of, when one tool runs another.
class Runs {
 public:
  struct Run {
    std::uint64_t id = 0;  // microseconds since boot at which it started
    std::string tool;
    std::string command;  // of its first process
    WallTime start;
  };

  // A process has begun a run, or may have: only what is a tool by its name or
  // its command line is one. Within another it is part of that.
  void started(const RunObservation& seen);

  // The outermost run that a process with this ProcessRef::run is part of; its
  // tool is empty where it is no tool's. Where its start was missed, what the
  // number itself says.
  Run find(std::uint64_t run) const;

  // The first process of a run, or of a session, has ended.
  void ended(std::uint64_t id, std::uint64_t boot_ns);
  // Who still runs of it then is a daemon that it has left behind.
  bool over(std::uint64_t id, std::uint64_t boot_ns) const;

  // What an id that was given to an actor stands for.
  void remember(const Run& run);
  Run known(std::uint64_t id) const;

  // One that no process of a container begins: many processes one after the
  // other, of which those close together are one. `key`: what they share.
  Run join(const std::string& key, const Run& fresh, std::uint64_t boot_ns);

 private:
  static constexpr std::size_t kMaxRuns = 4096;
  static constexpr std::size_t kMaxJoined = 1024;

  struct Joined {
    Run run;
    std::uint64_t last_ns = 0;
  };

  std::list<std::pair<std::uint64_t, Run>> order_;  // newest first
  std::unordered_map<std::uint64_t, decltype(order_)::iterator> runs_;
  std::unordered_map<std::string, Joined> joined_;
  std::unordered_map<std::uint64_t, Run> known_;
  std::unordered_map<std::uint64_t, std::uint64_t> ends_;
};

// Changes from outside that are this close together are one update: tools there
// come as several processes (podman cp starts itself again), and Ansible enters
// a container several times for each task.
inline constexpr std::uint64_t kOneUpdateNs = 10'000'000'000;

}  // namespace stillframe::engine
