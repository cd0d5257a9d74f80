// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/drift/ledger/container_drift.h"
#include "agent/drift/scan/scanner.h"
#include "agent/model/container.h"
#include "agent/model/observation.h"
#include "agent/model/snapshot.h"

namespace stillframe::engine {

// Somebody who waits for a scan that began after `asked_boot_ns`.
struct ScanWaiter {
  std::uint64_t asked_boot_ns = 0;
  unsigned rounds = 0;
  std::function<void()> done;
};

struct EndedSession {
  std::uint64_t id = 0;
  WallTime time;
  Actor leader;
  bool told = false;  // that it began and ended
};

// One container that the agent watches, running or stopped.
struct Watched {
  ContainerRecord record;
  // Both are null where the rootfs was not found. Shared with a scan under way.
  std::shared_ptr<drift::ContainerDrift> drift;
  std::shared_ptr<drift::Scanner> scanner;
  bool running = false;
  bool awaited = false;  // its first scan makes the agent ready
  WallTime started;      // of its present or last life
  // Of a rootfs that is no overlay: what changed later is not the image's.
  WallTime since;
  std::set<std::uint64_t> cgroups;   // its own and those below it
  std::set<std::uint64_t> sessions;  // those that mutated it, open still
  // The latest that ended: a scan may find what they did only then.
  std::deque<EndedSession> ended_sessions;
  std::uint64_t next_full_scan_ns = 0;  // boot time
  std::uint64_t next_check_ns = 0;      // whether it still exists
  std::uint64_t mounts_due_ns = 0;      // when to look at them; 0: in no hurry
  std::uint64_t limits_cgroup = 0;      // whose limits are watched; 0: none
  std::uint64_t exited_ns = 0;
  // Changes made straight to the upper directory of a stopped container: a
  // runtime that removes the container deletes its files one by one, and only
  // when that is over can one tell.
  std::deque<FileObservation> held;
  std::uint64_t held_until_ns = 0;
  std::vector<ScanWaiter> waiters;
};

// What exporters see of it.
ContainerView view_of(const Watched& watched);

}  // namespace stillframe::engine
