// SPDX-License-Identifier: Apache-2.0
//
// The kernel side as the engine knows it: observations come out, what the
// kernel must know goes in. Implemented by Sensors on BPF, and by a fake in
// tests. Nothing above this folder knows what a BPF map is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "agent/model/inode.h"
#include "agent/model/observation.h"
#include "agent/model/snapshot.h"

namespace stillframe::sensors {

// Running totals since start, from the kernel's per-CPU counters.
struct KernelCounters {
  std::uint64_t events = 0;
  std::uint64_t suppressed = 0;  // over a container's budget
  std::uint64_t unlisted = 0;  // files without room in the map of known inodes
  std::map<std::string, std::uint64_t> lost;  // by reason, all reasons named
};

class KernelSide {
 public:
  virtual ~KernelSide() = default;

  // Readable when events wait. Owned by this object.
  virtual int poll_fd() const = 0;

  // Hands over at most `limit` waiting observations; returns how many.
  virtual std::size_t drain(const std::function<void(Observation&&)>& sink,
                            std::size_t limit) = 0;

  virtual std::vector<SensorStatus> status() const = 0;
  // Looks whether a better implementation works by now: overlay may have been
  // loaded since. Cheap when nothing changed. Whether the status did.
  virtual bool reconsider() = 0;
  // Whether there is a container whose rootfs is no overlay: to see what
  // changes there may cost the host something. Not from within drain(). Whether
  // the status changed.
  virtual bool watch_plain(bool wanted) = 0;
  virtual KernelCounters counters() const = 0;

  // What the kernel must know beforehand: containers that ran before us, upper
  // directories of stopped ones, overlays that are no container's. All of these
  // may be called from any thread.
  // `plain`: the rootfs is no overlay, its life began at `since`; programs that
  // changed later are reported when they run.
  virtual void add_root(const UpperRoot& root, bool live, bool plain,
                        WallTime since) = 0;
  virtual void ignore_root(const UpperRoot& root) = 0;
  virtual void remove_root(const UpperRoot& root) = 0;
  // All that the kernel side knows, but for those it was asked to ignore.
  virtual std::vector<UpperRoot> roots() const = 0;
  // Whether it is known from now on and was not until now.
  virtual bool add_inode(const UpperRoot& root, const InodeId& inode,
                         bool directory) = 0;
  // `own`: the container's own cgroup, which is this one or lies above it.
  virtual void add_cgroup(std::uint64_t cgroup, const UpperRoot& root,
                          std::uint32_t init_pid, std::uint64_t own) = 0;
  virtual void remove_cgroup(std::uint64_t cgroup) = 0;
  // The directories that hold the limits of a container's cgroup. From now on
  // writes to them are observed. Unlike the above, these are the loop's alone.
  virtual void watch_limits(std::uint64_t cgroup,
                            const std::vector<std::string>& directories) = 0;
  virtual void forget_limits(std::uint64_t cgroup) = 0;
  // As they are; no values where nothing was written to them since they were
  // observed last. `anyway`: also if no write was reported.
  virtual LimitsObservation limits(std::uint64_t cgroup, bool anyway) = 0;

  // The process, which started then (boot time), belongs to a container: its
  // init (session 0, init true), a session's leader, or a descendant.
  virtual void follow(std::uint32_t pid, std::uint64_t start_ns,
                      std::uint64_t cgroup, std::uint64_t session, bool init,
                      bool leader) = 0;
  // All containers that ran before have been made known, by the above: from now
  // on whoever first runs something in an unknown place begins a life there.
  virtual void containers_known() = 0;
  // The boot time of that: of earlier lives it has not seen the beginning.
  virtual std::uint64_t lives_since_ns() const = 0;
};

}  // namespace stillframe::sensors
