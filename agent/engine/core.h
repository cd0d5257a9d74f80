// SPDX-License-Identifier: Apache-2.0
//
// The engine without its thread: the parts wired together, and the turn that
// does all that is due. It knows no kernel and no clock but those handed in, so
// that tests turn it by hand. Belongs to the loop's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "agent/engine/context.h"
#include "agent/engine/fleet.h"
#include "agent/engine/leftovers.h"
#include "agent/engine/loss_watch.h"
#include "agent/engine/policy_in_use.h"
#include "agent/engine/population.h"
#include "agent/engine/requests.h"
#include "agent/engine/router.h"
#include "agent/engine/scans.h"
#include "agent/engine/unclaimed.h"

namespace stillframe::engine {

class Core {
 public:
  // All of these outlive the core.
  Core(const Settings& settings, const Clock& clock,
       sensors::KernelSide& kernel, const containers::ContainerSource& source,
       ScanRunner& runner, EventLog& events, archive::Archive& archive);

  // Takes in what runs already and what is stopped but kept.
  void discover();
  // Takes in at most `limit` observations; returns how many.
  std::size_t drain(std::size_t limit) { return router_.drain(limit); }
  void drain() { router_.drain(); }
  void observe(const Observation& seen) { router_.observe(seen); }
  // Everything that is due: scans, checks, writing the ledgers. Call once after
  // each batch of observations. `caught_up`: none was left out.
  void turn(bool caught_up = true);
  // When turn() wants to be called at the latest, boot time.
  std::uint64_t next_turn_ns() const;
  void reload_policy() { policy_.reload(); }
  Requests& requests() { return requests_; }

  // The state as it is now, for readers in other threads.
  std::shared_ptr<const Snapshot> take_snapshot();
  // Whether anything that a snapshot shows may have changed since the last one.
  bool changed() const { return context_.changed; }
  bool first_scans_done() const { return first_scans_left() == 0; }
  // Containers found at start whose first scan is still to come.
  std::size_t first_scans_left() const { return fleet_.awaited(); }

 private:
  void turn(const ContainerPtr& container, std::uint64_t now);
  void report_damaged_states();

  Context context_;
  Fleet fleet_;
  Unclaimed unclaimed_;
  Population population_;
  Router router_;
  Scans scans_;
  PolicyInUse policy_;
  LossWatch losses_;
  Requests requests_;
  Leftovers leftovers_;
};

}  // namespace stillframe::engine
