// SPDX-License-Identifier: Apache-2.0
//
// The sensors: loads and attaches the kernel side, turns its events into
// observations, and keeps the kernel's view of containers in step with ours.
// Nothing above this folder knows what a BPF map is.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/model/inode.h"
#include "agent/model/observation.h"
#include "agent/model/snapshot.h"
#include "agent/sensors/kernel_side.h"
#include "agent/sensors/trial.h"

namespace stillframe::sensors {

struct SensorConfig {
  // The observed cgroup hierarchy: "" is the unified one, else the name of a v1
  // controller; and where the unified one is mounted (empty: nowhere).
  std::string observed_controller;
  std::string unified_mount;
  std::uint32_t budget_per_second = 32768;  // events of one container
  // Who wrote a limit; without it nobody is named. Called by any thread.
  std::function<std::optional<Writer>(std::uint32_t pid,
                                      const KernelProcesses& kernel)>
      describe = {};
  // Where the files sensor is tried; by itself as long as the agent may.
  TryFiles try_files = sensors::try_files;
};

// The kernel side on BPF. See kernel_side.h for what each call does.
class Sensors : public KernelSide {
 public:
  // Attaches what this kernel allows; status() says what and why not more.
  // Fails only when nothing can work at all: no BTF, no right to use BPF.
  // `clock` outlives this.
  static Result<std::unique_ptr<Sensors>> start(const SensorConfig& config,
                                                const Clock& clock);
  ~Sensors() override;
  Sensors(const Sensors&) = delete;
  Sensors& operator=(const Sensors&) = delete;

  int poll_fd() const override;
  std::size_t drain(const std::function<void(Observation&&)>& sink,
                    std::size_t limit) override;
  std::vector<SensorStatus> status() const override;
  bool reconsider() override;
  bool watch_plain(bool wanted) override;
  KernelCounters counters() const override;
  void add_root(const UpperRoot& root, bool live, bool plain,
                WallTime since) override;
  void ignore_root(const UpperRoot& root) override;
  void remove_root(const UpperRoot& root) override;
  std::vector<UpperRoot> roots() const override;
  bool add_inode(const UpperRoot& root, const InodeId& inode,
                 bool directory) override;
  void add_cgroup(std::uint64_t cgroup, const UpperRoot& root,
                  std::uint32_t init_pid, std::uint64_t own) override;
  void remove_cgroup(std::uint64_t cgroup) override;
  void watch_limits(std::uint64_t cgroup,
                    const std::vector<std::string>& directories) override;
  void forget_limits(std::uint64_t cgroup) override;
  LimitsObservation limits(std::uint64_t cgroup, bool anyway) override;
  void follow(std::uint32_t pid, std::uint64_t start_ns, std::uint64_t cgroup,
              std::uint64_t session, bool init, bool leader) override;
  void containers_known() override;
  std::uint64_t lives_since_ns() const override;

 private:
  struct Impl;
  explicit Sensors(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace stillframe::sensors
