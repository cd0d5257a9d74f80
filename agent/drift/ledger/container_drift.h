// SPDX-License-Identifier: Apache-2.0
//
// One container's drift: the tree says what its rootfs is, the ledger who made
// it so; this joins the two, judges, and answers. It knows no kernel and no
// thread: observations and scan results are handed in, work and events come
// out. Owned and used by the agent's loop alone.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/drift/ledger/scan_plan.h"
#include "agent/drift/scan/scanner.h"
#include "agent/drift/scan/tree.h"
#include "agent/model/change_list.h"
#include "agent/model/container.h"
#include "agent/model/mutation.h"
#include "agent/model/observation.h"
#include "agent/policy/policy.h"

namespace stillframe::drift {

struct DriftSummary {
  // `unknown` without a known violation, and nobody has seen everything yet or
  // the latest full scan did not.
  ContainerState state = ContainerState::unknown;
  std::string why_unknown;  // for people: path and cause
  WallTime last_scan;       // of the latest complete one; 0: none yet
  bool ever_mutated = false;
  bool complete = false;            // no scan due, ledger within its bound
  std::uint64_t mutated_paths = 0;  // verdict violation
  WallTime first_mutation;          // 0: none
  WallTime last_mutation;           // likewise
  std::map<std::pair<Class, Origin>, std::uint64_t> violations;
  VerdictCounts verdicts{};         // of changed paths
  std::optional<Actor> last_actor;  // of the newest violation
};

class ContainerDrift {
 public:
  using EventSink = std::function<void(const MutationEvent&)>;

  struct Options {
    std::size_t max_records = 1u << 17;
    std::string state_file = {};  // empty: nothing is kept
    const Clock& clock = system_clock();
  };

  // Loads state_file when it is there and belongs to this upper root; a damaged
  // one is set apart (renamed *.damaged) and said in `trouble()`.
  ContainerDrift(ContainerRecord record, policy::PolicyPtr policy,
                 EventSink sink, const Options& options);
  ~ContainerDrift();
  ContainerDrift(const ContainerDrift&) = delete;
  ContainerDrift& operator=(const ContainerDrift&) = delete;

  // The container started (again): new init, mounts and so on. The ledger goes
  // on. `live_since` is the boot time of its first exec; 0: before we looked.
  void started(ContainerRecord record, std::uint64_t live_since_boot_ns);
  void stopped(std::uint64_t boot_ns);
  void set_policy(policy::PolicyPtr policy);  // re-judges

  // Files, executions, sysctls, devices, memory, one mount: what `actor` did.
  template <typename Seen>
  void observe(const Seen& seen, const Actor& actor);
  // Mounts and limits, all of them: how things are. The first of each in a life
  // is what the rest is measured by.
  template <typename Seen>
  void observe(const Seen& seen);
  void observe(const LimitsObservation& seen, const LimitActors& by);
  // Events of this container may be missing: a full scan is due, and what it
  // finds without an event is unattributed.
  void lost(std::uint64_t boot_ns);
  // Its share of events is used up: until the second is over it may change
  // more, unreported.
  void over_budget(std::uint64_t boot_ns);

  // All that was reported until then has been observed.
  void caught_up(std::uint64_t boot_ns);

  // Takes the work that is due (and remembers it as under way). The caller
  // scans and hands the result to applied(). One at a time.
  ScanWork take_work();
  void request_full_scan();
  void request_thorough_scan();  // also of what seems to be unchanged
  bool scan_due() const;         // take_work() would give something
  bool scan_under_way() const;
  // When take_work() should be asked next, boot time; 0: nothing pending.
  // Directories that keep changing are paced: the scanning of one takes no more
  // than about a tenth of the time.
  std::uint64_t next_work_boot_ns() const;
  void applied(ScanResult scan);
  void applied(PartialResult part);

  const ContainerRecord& record() const;
  void set_info(const ContainerInfo& info);  // better metadata arrived
  const UpperTree& tree() const;
  // Both first judge again what was judged by what is out of date by now.
  ChangeList diff();  // in path order
  DriftSummary summary();
  bool judging_due() const;  // the next summary may be another by that alone
  std::vector<RuntimeLine> runtime_lines() const;
  std::vector<std::string> trouble() const;
  // What was kept could not be understood, and was set apart.
  bool kept_was_damaged() const;

  // Writes what is not written yet (append only, no fsync: survives kill -9).
  // Called once per turn of the loop.
  Result<> flush();
  // How often that had something to write.
  std::uint64_t written() const;
  // The container is gone for good: removes the state file.
  void forget();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stillframe::drift
