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
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/model/inode.h"
#include "agent/model/observation.h"
#include "agent/model/snapshot.h"

namespace stillframe::sensors {

struct SensorConfig {
  // The observed cgroup hierarchy: "" is the unified one, else the name of a v1
  // controller; and where the unified one is mounted (empty: nowhere).
  std::string observed_controller;
  std::string unified_mount;
  std::uint32_t budget_per_second = 32768;  // events of one container
};

// Running totals since start, from the kernel's per-CPU counters.
struct KernelCounters {
  std::uint64_t events = 0;
  std::uint64_t suppressed = 0;               // over a container's budget
  std::map<std::string, std::uint64_t> lost;  // by reason, all reasons named
};

class Sensors {
 public:
  // Attaches what this kernel allows; status() tells what and why not more.
  // Fails only when nothing can work at all: no BTF, no right to use BPF.
  static Result<std::unique_ptr<Sensors>> start(const SensorConfig& config);
  ~Sensors();
  Sensors(const Sensors&) = delete;
  Sensors& operator=(const Sensors&) = delete;

  // Readable when events wait. Owned by this object.
  int poll_fd() const;

  // Hands over at most `limit` waiting observations; returns how many.
  std::size_t drain(const std::function<void(Observation&&)>& sink,
                    std::size_t limit);

  std::vector<SensorStatus> status() const;
  // Looks whether a better implementation works by now: overlay may have been
  // loaded since. Cheap when nothing changed. Whether the status did.
  bool reconsider();
  // Whether there is a container whose rootfs is no overlay: to see what
  // changes there may cost the host something. Not from within drain(). Whether
  // the status changed.
  bool watch_whole(bool wanted);
  KernelCounters counters() const;

  // What the kernel must know beforehand: containers that ran before us, upper
  // directories of stopped ones, overlays that are no container's. All of these
  // may be called from any thread.
  // `whole`: the rootfs is no overlay, its life began at `since`; programs that
  // changed later are reported when they run.
  void add_root(const UpperRoot& root, bool live, bool whole, WallTime since);
  void ignore_root(const UpperRoot& root);
  void remove_root(const UpperRoot& root);
  void add_inode(const UpperRoot& root, const InodeId& inode);
  void add_cgroup(std::uint64_t cgroup, const UpperRoot& root,
                  std::uint32_t init_pid, bool child);
  void remove_cgroup(std::uint64_t cgroup);
  // The directories that hold the limits of a container's cgroup. From now on
  // writes to them are observed. Unlike the above, these are the loop's alone.
  void watch_limits(std::uint64_t cgroup,
                    const std::vector<std::string>& directories);
  void forget_limits(std::uint64_t cgroup);
  LimitsObservation limits(std::uint64_t cgroup) const;

  // The process belongs to a container: its init (session 0, init true), a
  // session's leader, or a descendant.
  void follow(std::uint32_t pid, std::uint64_t cgroup, std::uint64_t session,
              bool init, bool leader);

 private:
  struct Impl;
  explicit Sensors(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace stillframe::sensors
