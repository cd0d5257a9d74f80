// SPDX-License-Identifier: Apache-2.0
//
// The agent's state and what moves it: observations come in, containers come
// and go, scans are sent out and taken back. Belongs to the loop's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/containers/finder.h"
#include "agent/engine/actors.h"
#include "agent/engine/event_log.h"
#include "agent/engine/replacements.h"
#include "agent/engine/scan_worker.h"
#include "agent/engine/tally.h"
#include "agent/engine/watched.h"
#include "agent/policy/policy.h"
#include "agent/sensors/sensors.h"
#include "exporters/agent_api.h"

namespace stillframe::engine {

struct CoreOptions {
  std::string state_dir;
  std::chrono::milliseconds scan_interval{60'000};
  std::chrono::milliseconds metrics_grace{300'000};
  std::string policy_file;   // empty: none
  policy::PolicyPtr policy;  // what it held; null: built-in scratch places
};

class Core {
 public:
  // All of these outlive the core.
  Core(CoreOptions options, sensors::Sensors& sensors,
       const containers::Finder& finder, ScanWorker& scans, EventLog& events);
  ~Core();

  // Takes in what runs already and what is stopped but kept.
  void discover();

  void observe(Observation&& observation);
  // Everything that is due: scans, checks, writing the ledgers. Call once after
  // each batch of observations.
  void turn();
  // When turn() wants to be called at the latest, boot time.
  std::uint64_t next_turn_ns() const;

  // Scans the container, then calls `done` with the answer.
  void diff(const std::string& container,
            std::function<void(Result<DiffAnswer>)> done);
  void scan_all(std::function<void()> done);
  // The same, with what the policy makes of a path.
  void explain(const std::string& container, const std::string& path,
               std::function<void(Result<ExplainAnswer>)> done);
  void suggest(const std::string& workload,
               std::function<void(Result<std::string>)> done);

  // Reads the policy file again and judges all anew; a bad one changes nothing
  // but the state that is shown.
  void reload_policy();

  std::shared_ptr<const Snapshot> snapshot() const;
  // Whether anything that a snapshot shows may have changed since the last one.
  bool changed() const { return changed_; }
  bool first_scans_done() const { return unscanned_ == 0; }

 private:
  struct Unclaimed;
  using WatchedPtr = std::shared_ptr<Watched>;

  void on(const FileObservation& seen);
  void on(const ExecObservation& seen);
  void on(const SysctlObservation& seen);
  void on(const DeviceObservation& seen);
  void on(const MemoryObservation& seen);
  void on(const MountObservation& seen);
  void on(const MountsTouchedObservation& seen);
  void on(const LimitsObservation& seen);
  void on(const LiveObservation& seen);
  void on(const SessionObservation& seen);
  void on(const ExitObservation& seen);
  void on(const CgroupObservation& seen);
  void on(const LossObservation& seen);

  Watched* find(const UpperRoot& root, std::uint64_t cgroup) const;
  Unclaimed& unclaimed(const UpperRoot& root, std::uint64_t boot_ns);
  Watched* adopt(ContainerRecord record, std::uint64_t live_since_ns);
  void equip(Watched& watched);
  void register_running(Watched& watched);
  void claim(Watched& watched);
  void stopped(Watched& watched, std::uint64_t boot_ns);
  void gone(Watched& watched);
  void replaced(const std::optional<Replacement>& replacement, WallTime time);
  void retry_unresolved(std::uint64_t now);
  void check_existence(Watched& watched, std::uint64_t now);
  void release_held(Watched& watched, std::uint64_t now);
  void check_losses(std::uint64_t now);
  void use_policy(policy::PolicyPtr policy);
  void check_expiry();
  bool any_plain() const;  // a rootfs that is no overlay
  void reconcile(std::uint64_t now);

  // core_environment.cpp: mounts and limits
  void meet_environment(Watched& watched);
  void leave_environment(Watched& watched);
  void look_at_environment(Watched& watched);
  void look_at_mounts(Watched& watched, bool events);
  void mounts_touched(Watched& watched, std::uint64_t boot_ns);

  Actor actor_for(const Watched& victim, const ProcessRef& process);
  template <typename Seen>
  void hand_over(Watched& watched, const Seen& seen);
  void published(Watched& watched, const MutationEvent& event);

  void drain();
  void scanned(Watched& watched);
  void start_scan(Watched& watched);
  void scan_applied(const WatchedPtr& watched, const ScanOutcome& outcome);
  void scan_then(Watched& watched, std::function<void()> done);
  Result<Watched*> choose(const std::string& container) const;
  std::string state_file(const std::string& id) const;
  std::string inventory_file(const std::string& id) const;
  std::string container_file(const std::string& id,
                             std::string_view kind) const;
  bool taken(const ContainerRecord& record);

  CoreOptions options_;
  sensors::Sensors& sensors_;
  const containers::Finder& finder_;
  ScanWorker& scans_;
  EventLog& events_;
  policy::PolicyPtr policy_;
  PolicyState policy_state_;
  Actors actors_;
  Tally tally_;
  Replacements replacements_;
  AgentStats stats_;
  std::vector<WatchedPtr> all_;
  std::unordered_map<UpperRoot, Watched*> by_root_;
  std::unordered_map<std::uint64_t, Watched*> by_cgroup_;
  // Observations whose container is not known yet: what a runtime does to a
  // rootfs before its first exec.
  std::unordered_map<UpperRoot, std::unique_ptr<Unclaimed>> unclaimed_;
  // First execs that no resolver could explain yet.
  std::deque<std::pair<LiveObservation, unsigned>> unresolved_;
  std::uint64_t next_retry_ns_ = 0;
  std::deque<std::pair<std::uint64_t, ContainerView>> departed_;  // until when
  std::uint64_t next_loss_check_ns_ = 0;
  std::uint64_t next_loss_scan_ns_ = 0;
  std::uint64_t next_reconcile_ns_ = 0;
  std::uint64_t lost_before_ = 0;
  std::uint64_t missed_before_ = 0;  // runs of programs
  std::size_t unscanned_ = 0;  // containers of discover() still to be scanned
  mutable bool changed_ = true;
};

}  // namespace stillframe::engine
