// SPDX-License-Identifier: Apache-2.0
//
// The agent: one thread that owns all state, and the answers to what other
// threads ask of it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "agent/archive/archive.h"
#include "agent/base/fd.h"
#include "agent/base/memory.h"
#include "agent/base/result.h"
#include "agent/containers/finder.h"
#include "agent/engine/core.h"
#include "agent/engine/event_log.h"
#include "agent/engine/mailbox.h"
#include "agent/engine/scan_worker.h"
#include "agent/engine/trim.h"
#include "agent/sensors/sensors.h"
#include "exporters/agent_api.h"

namespace stillframe::engine {

class Engine : public AgentApi {
 public:
  // Checks prerequisites, takes hold of the state directory (one agent each)
  // and finds the cgroup hierarchy. Attaches nothing yet, but can be asked
  // already: it answers that it is starting.
  static Result<std::unique_ptr<Engine>> create(Settings settings);
  ~Engine() override;

  // Attaches the sensors, then takes in the containers that are there.
  Result<> attach();
  // Turns the loop until stop_soon(). When it returns, every request has been
  // answered.
  Result<> run();

  // From any thread.
  // Has run() return, and says in how long at the latest: at once where the
  // agent is still starting, whose steps cannot be cut short.
  std::chrono::milliseconds stop_soon();
  void reload_policy();
  // What is to be recorded is written, as far as that time goes.
  void drain_journal(std::chrono::milliseconds within) {
    events_.drain_journal(within);
  }
  // Requests that wait are answered that the agent is stopping.
  void abandon_requests() { abandoned_ = true; }

  AgentPhase phase() const override;
  SnapshotPtr snapshot() const override;
  std::optional<JournalState> journal() const override {
    return events_.journal();
  }
  bool healthy() const override;
  Result<DiffAnswer> diff(const std::string& container, DiffPart part) override;
  Result<SnapshotPtr> scanned_snapshot() override;
  Result<GoneContainers> gone() override;
  Result<ExplainAnswer> explain(const std::string& container,
                                const std::string& path) override;
  Result<std::string> suggest(const std::string& workload) override;
  std::unique_ptr<EventStream> subscribe(std::optional<WallTime> since,
                                         bool follow) override;
  std::unique_ptr<EventStream> follow_entries() override {
    return events_.follow_entries();
  }
  DoctorReport doctor() const;  // any thread

 private:
  Engine(Settings settings, Fd lock, containers::CgroupLayout layout,
         std::unique_ptr<Recorder> recorder);
  void announce_start();
  void enter(AgentPhase::Name name, std::string activity);
  std::uint64_t turn(bool caught_up);
  void announce_progress();
  void publish();
  void stop();
  // Has the loop do `work`, which owes the answer; waits for that.
  template <typename Answer>
  Result<Answer> ask(Task<void(Reply<Answer>)> work);

  Settings settings_;
  Fd lock_;
  containers::Finder finder_;
  Mailbox mailbox_;
  EventLog events_;
  Trim trim_{system_clock(), give_back_memory};
  std::unique_ptr<sensors::Sensors> sensors_;
  archive::Archive archive_;
  std::unique_ptr<ScanWorker> scans_;
  std::unique_ptr<Core> core_;
  std::atomic<bool> turning_ = false;  // run() looks at what is asked
  std::atomic<bool> stop_asked_ = false;
  std::atomic<bool> reload_asked_ = false;
  std::atomic<bool> abandoned_ = false;
  bool ready_ = false;  // announced
  std::size_t first_scans_left_ = 0;
  std::uint64_t last_publish_ns_ = 0;
  std::atomic<std::uint64_t> last_turn_ns_{0};
  mutable std::mutex mutex_;  // the members below, held for a copy
  SnapshotPtr snapshot_;
  AgentPhase phase_;
};

}  // namespace stillframe::engine
