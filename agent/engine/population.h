// SPDX-License-Identifier: Apache-2.0
//
// How containers come and go: found at start, seen at their first exec,
// stopped, removed, and found again by reconciliation where an event was
// missed.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "agent/engine/context.h"
#include "agent/engine/culprits.h"
#include "agent/engine/fleet.h"
#include "agent/engine/replacements.h"
#include "agent/engine/unclaimed.h"
#include "agent/model/observation.h"
#include "agent/model/snapshot.h"

namespace stillframe::engine {

class Population {
 public:
  // All outlive it.
  Population(Context& context, Fleet& fleet, Unclaimed& unclaimed);

  // Takes in what runs already and what is stopped but kept; readiness awaits
  // the first scan of each.
  void discover();
  // That looked at all there is: who is not known is gone.
  bool all_known() const { return all_known_; }
  // A first program was run on a rootfs of its own.
  void first_exec(const LiveObservation& seen);
  void stop(const ContainerPtr& container, std::uint64_t boot_ns);
  // Compares with what the machine has now, once an interval, and at once when
  // that was asked for.
  void reconcile(std::uint64_t now);
  void reconcile_soon() { next_reconcile_ns_ = 0; }
  // A cgroup was made within a container: another may begin there.
  void look_within();
  // Takes in what containers are called by now.
  void take_new_names();
  // What is due: first execs not explained yet, removals, rootfs not found.
  void turn(std::uint64_t now);
  std::uint64_t next_turn_ns() const;  // without the containers' own
  // Removes it if its runtime does not know it any more.
  void check_existence(const ContainerPtr& container, std::uint64_t now);
  // Whether it stopped and its files are being deleted; one that does not exist
  // any more is removed.
  bool may_be_going(const ContainerPtr& container);
  // Looks again for a rootfs that was not found.
  void look_for_rootfs(const ContainerPtr& container, std::uint64_t now);

  // Gives a container an observation together with its actor.
  template <typename Seen>
  void hand_over(const ContainerPtr& container, const Seen& seen) {
    if (!container->watched()) return;
    if constexpr (std::is_same_v<Seen, FileObservation>) {
      if (container->record().layers.served) return;
      // The kernel side did not know then that it lives.
      if (!seen.live && ran_before(container, seen.process)) {
        FileObservation live = seen;
        live.live = true;
        return container->observe(
            live, culprits_.actor_for(container, seen.process, seen.boot_ns));
      }
    }
    container->observe(
        seen, culprits_.actor_for(container, seen.process, seen.boot_ns));
  }
  const Culprits& culprits() const { return culprits_; }

  // Containers that are gone, kept for metrics a while.
  void show_departed(ContainerViews& views) const;

 private:
  struct Unresolved {
    LiveObservation seen;
    std::uint64_t pause_ns = 0;  // before the next try; twice as long each time
    std::uint64_t next_ns = 0;
    unsigned absences = 0;  // tries that found nothing there
  };
  struct Departed {
    std::uint64_t until_ns = 0;
    ContainerViewPtr view;
  };

  // Whether it lived before the kernel side knew of it, and this process was
  // not what prepared it.
  bool ran_before(const ContainerPtr& container,
                  const ProcessRef& process) const;
  // Whether a runtime may still be writing down what has begun.
  bool may_be_named_yet(const ContainerRecord& record,
                        std::uint64_t began_ns) const;
  // Null: it is no container of its own.
  ContainerPtr adopt(ContainerRecord record, std::uint64_t live_since_ns);
  // One that runs already, as soon as it is sure what it is called.
  void adopt_named(ContainerRecord record);
  void begin(const ContainerPtr& container, std::uint64_t live_since_ns);
  ContainerPtr known_as(const ContainerRecord& record);
  bool has_another_rootfs(const ContainerPtr& known,
                          const ContainerRecord& record) const;
  bool took_another_rootfs(const ContainerRecord& record);
  bool lives_elsewhere(const ContainerPtr& known,
                       const ContainerRecord& record) const;
  bool poses_as_another(const ContainerRecord& record);
  bool adopt_kept();
  void adopt_begun();
  bool adopt_new();
  void reconcile_within_a_second();
  bool shares_rootfs(const ContainerPtr& owner,
                     const ContainerRecord& record) const;
  bool rootfs_in_use(const ContainerRecord& record);
  void register_processes(const ContainerPtr& container);
  void own_cgroups(const ContainerPtr& container);
  std::vector<std::uint64_t> cgroups_of(const ContainerRecord& record) const;
  void claim(const ContainerPtr& container);
  void remove(const ContainerPtr& container);
  // Says nothing of it.
  void take_off(const ContainerPtr& container);
  void report_replacement(const std::optional<Replacement>& replacement,
                          WallTime time);
  void retry_unresolved(std::uint64_t now);
  void resolve_later(Unresolved one);
  void release_deferred(const ContainerPtr& container, std::uint64_t now);
  void compare_running(std::uint64_t now);
  void refresh(const ContainerPtr& container);
  void watch_names(std::uint64_t now);
  void look_for_cgroupless(std::uint64_t now);
  void give_up(const LiveObservation& seen);
  void sweep_roots();

  Context& context_;
  Fleet& fleet_;
  Unclaimed& unclaimed_;
  Culprits culprits_;
  Replacements replacements_;
  // First execs that no resolver could explain yet.
  std::deque<Unresolved> unresolved_;
  std::deque<Departed> departed_;
  // Roots that the kernel side knew at the last reconciliation and nobody else.
  std::unordered_set<UpperRoot> strays_;
  std::uint64_t next_retry_ns_ = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t next_reconcile_ns_ = 0;
  std::uint64_t within_not_before_ns_ = 0;  // see look_within()
  std::uint64_t next_cgroupless_ns_ = 0;
  bool all_known_ = false;
  bool names_touched_ = false;
  std::uint64_t names_not_before_ns_ = 0;
};

}  // namespace stillframe::engine
