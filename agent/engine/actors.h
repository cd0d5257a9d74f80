// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "agent/model/mutation.h"
#include "agent/model/observation.h"

namespace stillframe::engine {

// Turns a process as the kernel saw it into an actor as people read it: where
// it came from as seen from the victim, with which tool, in which session.
class Actors {
 public:
  // How the container that the process belongs to relates to the victim.
  enum class Place { host, victim, other_container };

  // Asked for a process in the victim's cgroup that the kernel has not followed
  // from its start: does it descend from the container's init? None: that is
  // not known.
  using FromInit = std::function<std::optional<bool>(const ProcessRef&)>;

  void session_started(const SessionObservation& seen);
  // A session that began before the agent did.
  void add_session(Session session);
  const Session* find_session(std::uint64_t id) const;

  Actor resolve(const ProcessRef& process, Place place,
                const FromInit& from_init);

 private:
  // Sessions, newest first, bounded: health checks exec for ever.
  static constexpr std::size_t kMaxSessions = 4096;
  static constexpr std::size_t kMaxExecutables = 1024;

  using ProcessKey = std::pair<std::uint32_t, std::uint64_t>;
  struct HashKey {
    std::size_t operator()(const ProcessKey& key) const noexcept {
      return std::hash<std::uint64_t>()(key.second * 31 + key.first);
    }
  };

  std::string executable(const ProcessRef& process);

  std::list<Session> order_;
  std::unordered_map<std::uint64_t, std::list<Session>::iterator> sessions_;
  std::unordered_map<ProcessKey, std::string, HashKey> executables_;
};

}  // namespace stillframe::engine
