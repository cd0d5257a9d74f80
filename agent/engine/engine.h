// SPDX-License-Identifier: Apache-2.0
//
// The agent: one thread that owns all state, and the answers to what other
// threads ask of it.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "agent/base/fd.h"
#include "agent/base/result.h"
#include "agent/containers/finder.h"
#include "agent/engine/core.h"
#include "agent/engine/event_log.h"
#include "agent/engine/mailbox.h"
#include "agent/engine/scan_worker.h"
#include "agent/sensors/sensors.h"
#include "exporters/agent_api.h"

namespace stillframe::engine {

class Engine : public AgentApi {
 public:
  // Checks prerequisites, takes hold of the state directory (one agent each)
  // and finds the cgroup hierarchy. Attaches nothing yet, but can be asked
  // already.
  static Result<std::unique_ptr<Engine>> create(CoreOptions options);
  ~Engine() override;

  // Attaches the sensors, then takes in the containers that are there.
  Result<> attach();
  // Turns the loop until SIGTERM or SIGINT; SIGHUP reloads the policy.
  Result<> run();

  AgentPhase phase() const override;
  SnapshotPtr snapshot() const override;
  bool healthy() const override;
  Result<DiffAnswer> diff(const std::string& container) override;
  Result<SnapshotPtr> scanned_snapshot() override;
  Result<ExplainAnswer> explain(const std::string& container,
                                const std::string& path) override;
  Result<std::string> suggest(const std::string& workload) override;
  std::unique_ptr<EventStream> subscribe(std::optional<WallTime> since,
                                         bool follow) override;
  DoctorReport doctor() const;  // any thread

 private:
  Engine(CoreOptions options, Fd lock, containers::CgroupLayout layout);
  // Whether there were events.
  bool drain();
  bool turn();
  void publish();
  // Has the loop do `work`, which hands its answer to the function it is given.
  template <typename Answer>
  Result<Answer> ask(
      std::function<void(std::function<void(Result<Answer>)>)> work);

  CoreOptions options_;
  Fd lock_;
  containers::Finder finder_;
  Mailbox mailbox_;
  EventLog events_;
  std::unique_ptr<sensors::Sensors> sensors_;
  std::unique_ptr<ScanWorker> scans_;
  std::unique_ptr<Core> core_;
  std::uint64_t last_publish_ns_ = 0;
  std::atomic<std::uint64_t> last_turn_ns_{0};
  std::atomic<bool> running_{false};
  mutable std::mutex snapshot_mutex_;  // held for the copy of one pointer
  SnapshotPtr snapshot_;
};

}  // namespace stillframe::engine
