// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "agent/engine/callers.h"
#include "agent/engine/runs.h"
#include "agent/engine/users.h"
#include "agent/model/mutation.h"
#include "agent/model/observation.h"

namespace stillframe::engine {

// The container that something was done to.
struct Victim {
  std::string id;
  // Who enters it descends from who asked for it, as far as is known.
  bool entered_by_callers = false;
  // What its limits are set by, where its runtime's daemon does so.
  std::string_view limits_tool{};
};

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
  void run_started(const RunObservation& seen) { runs_.started(seen); }
  // The first process of a run, or of a session, has ended.
  void run_ended(std::uint64_t id, std::uint64_t boot_ns) {
    runs_.ended(id, boot_ns);
  }
  // A session that began before the agent did. Who had logged in is not known:
  // what runs in a container may have set its login itself since.
  void add_session(std::uint64_t id, std::string command, std::uint32_t leader,
                   WallTime start);
  const Session* find_session(std::uint64_t id) const;

  // `boot_ns`: when the process acted.
  Actor resolve(const ProcessRef& process, Place place,
                const FromInit& from_init, const Victim& victim = {},
                std::uint64_t boot_ns = 0);

  // Whoever wrote a limit.
  Actor resolve_writer(const Writer& writer, Place place,
                       const FromInit& from_init, const Victim& victim,
                       std::uint64_t boot_ns);

  // The run that an actor's update is; what is known of it.
  Runs::Run run_of(const Actor& actor) const;

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

  struct Known {
    Session session;
    std::optional<Login> login;
    // The login is that of who asked, as far as the session itself shows.
    bool callers_login = false;
  };

  void add(Known known);
  const Known* find(std::uint64_t id) const;
  Callers callers_by_turns(const std::vector<CallerRef>& ancestors);
  std::optional<Login> login(const std::optional<LoginRef>& seen);
  void name_session(Actor& actor, const ProcessRef& process,
                    const Victim& victim);
  void name_person(Actor& actor, const ProcessRef& process);
  std::string executable(const ProcessRef& process);
  const Callers& callers(const ProcessRef& process);
  Actor describe(const ProcessRef& process, Place place,
                 const FromInit& from_init, const Victim& victim);
  // `known`: its tool, unless another one drives that.
  void find_tool(Actor& actor, const ProcessRef& process,
                 const std::string& victim, std::uint64_t boot_ns,
                 const std::string& known = "");

  // Until when the time for searches is used up.
  std::uint64_t search_ns_ = 0;
  Runs runs_;
  Users users_;
  std::list<Known> order_;
  std::unordered_map<std::uint64_t, std::list<Known>::iterator> sessions_;
  std::unordered_map<ProcessKey, std::string, HashKey> executables_;
  std::unordered_map<ProcessKey, Callers, HashKey> callers_;
};

}  // namespace stillframe::engine
