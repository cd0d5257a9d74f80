// SPDX-License-Identifier: Apache-2.0
//
// One container that the agent watches, running or stopped: it owns its life,
// its drift, what waits for it and when it wants to be looked at next. Belongs
// to the loop's thread. Held by shared pointers only: whoever does something
// that may take in events (which may remove it) holds one meanwhile.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/drift/ledger/backoff.h"
#include "agent/drift/ledger/container_drift.h"
#include "agent/drift/scan/scanner.h"
#include "agent/engine/context.h"
#include "agent/engine/reply.h"
#include "agent/engine/said_state.h"
#include "agent/engine/scan_runner.h"
#include "agent/engine/sessions.h"
#include "agent/engine/updates.h"
#include "agent/model/change_list.h"
#include "agent/model/container.h"
#include "agent/model/observation.h"
#include "agent/model/snapshot.h"

namespace stillframe::engine {

class Container;
using ContainerPtr = std::shared_ptr<Container>;

// Where a state directory has the files of containers that are there.
std::string state_files_in(const std::string& state_dir);

class Container {
 public:
  Container(Context& context, ContainerRecord record);
  Container(const Container&) = delete;
  Container& operator=(const Container&) = delete;
  ~Container();

  // ---- Who it is.
  const ContainerRecord& record() const { return record_; }
  const ContainerInfo& info() const { return record_.info; }
  // What its files in the state directory are called.
  std::string state_name() const;
  bool plain() const { return record_.layers.plain; }
  bool running() const { return running_; }
  // Its present life was seen to begin.
  bool live_seen() const { return live_seen_; }
  bool removed() const { return removed_; }
  // Its rootfs is known, so that it can be compared and judged.
  bool watched() const { return drift_ != nullptr; }
  // Since when a plain rootfs is its own; 0 for an overlay.
  WallTime since() const { return since_; }
  WallTime started() const { return started_; }
  // Ids of its cgroup and those below it; kept by the fleet.
  const std::set<std::uint64_t>& cgroups() const { return cgroups_; }
  std::set<std::uint64_t>& cgroups() { return cgroups_; }
  // As it is now; the same object for as long as nothing stirs it.
  ContainerViewPtr view();

  // ---- Its life.
  // What was found out about it, at first or again. `live_since_ns`: boot time
  // of its first exec where that was seen; 0: found, running or not.
  void meet(ContainerRecord record, std::uint64_t live_since_ns);
  // It runs from now on: its first exec was seen, or it was found running.
  // Whether that is news: not when the same life is observed twice.
  bool start(std::uint64_t live_since_ns);
  // Its init has ended. Whether it was running.
  bool stop(std::uint64_t boot_ns);
  // It is gone for good: its last state is put to those of others, its files in
  // the state directory go, and all that wait for it are answered. Nothing is
  // expected of it afterwards.
  void remove();
  void set_info(const ContainerInfo& info);
  void set_policy(const policy::PolicyPtr& policy);

  // ---- What happens to it.
  template <typename Seen>
  void observe(const Seen& seen, const Actor& actor) {
    if (drift_) stirred()->observe(seen, actor);
  }
  void observe(const LimitsObservation& seen, const LimitActors& by);
  // A change made straight to the upper directory while the container is
  // stopped: a runtime that removes the container deletes its files one by one,
  // and only when that is over is it known. Whether it was put off.
  bool defer(const FileObservation& seen);
  // Whether its files are being deleted: what a scan finds missing then may be
  // the runtime's work, as it removes the container.
  bool being_deleted() const { return deleting_; }
  // What was put off and has waited long enough.
  std::vector<FileObservation> take_deferred(std::uint64_t now);
  bool deferred_due(std::uint64_t now) const;
  void keep_deferred(std::uint64_t now);  // it is not over yet, or not known
  void session_started();
  void session_ended(EndedSession session);
  void lost(std::uint64_t boot_ns);         // events of it may be missing
  void over_budget(std::uint64_t boot_ns);  // and will be, for a second

  // ---- Its mounts and limits.
  void watch_environment();  // from now on; looks at once
  void leave_environment();
  void mounts_touched(std::uint64_t boot_ns);
  bool mounts_due(std::uint64_t now) const;
  // Reads its mounts. The caller takes in waiting events before it hands them
  // to mounts_seen(), so that who changed what is found is known.
  std::optional<MountsObservation> read_mounts();
  void mounts_seen(const MountsObservation& seen);
  // `anyway`: also if nobody is known to have written to them; else none where
  // nobody has.
  LimitsObservation read_limits(bool anyway);

  // All that was reported until then has been observed.
  void caught_up(std::uint64_t boot_ns) {
    if (drift_) stirred()->caught_up(boot_ns);
  }

  // ---- Scans.
  // The scan that is due, if none is under way. The caller carries it out and
  // hands the result to apply().
  std::optional<drift::ScanWork> take_scan();
  const std::shared_ptr<drift::Scanner>& scanner() const { return scanner_; }
  bool urgent() const { return !waiting_.empty(); }
  void apply(Scanned scanned);
  void request_full_scan();
  void request_thorough_scan();
  void regular_scan_done(std::uint64_t now);  // the next one is an interval off
  bool regular_scan_due(std::uint64_t now) const;
  // Answers with this container once a full scan that began from now on has
  // been applied; at once where it has no rootfs to scan.
  void await_scan(const ContainerPtr& self, Reply<ContainerPtr> reply);
  // Answers those whose scan has come. Whether any wait on.
  bool answer_waiting(const ContainerPtr& self, std::uint64_t started_boot_ns);
  bool scan_due() const { return drift_ && drift_->scan_due(); }
  // Its first scan is part of the agent's readiness until done or hopeless.
  void await_first_scan() { awaited_ = watched(); }
  bool awaited() const { return awaited_; }

  // ---- Updates in place.
  // The first process of a run of a tool has ended.
  void run_ended(std::uint64_t id, WallTime time);
  std::optional<Updates::Over> take_update_over(std::uint64_t now);
  void update_over(std::uint64_t id, std::vector<PackageChange> packages);
  std::vector<Update> updates() const { return updates_.list(); }

  // ---- When to look at it.
  // Whether a turn has anything to do for it: something happened to it since
  // the last one, or its time has come. Of a thousand containers few do.
  // One that is being scanned may wait for reports meanwhile.
  bool due(std::uint64_t now) const {
    return stirred_ || now >= next_ns_ || (drift_ && drift_->scan_under_way());
  }
  void turned();                       // all that was due has been done
  std::uint64_t next_turn_ns() const;  // boot time; UINT64_MAX: no need
  bool existence_due(std::uint64_t now) const;
  void existence_checked(std::uint64_t now);
  void check_existence_soon() {
    stir();
    next_check_ns_ = 0;
  }
  bool rootfs_due(std::uint64_t now) const;
  void rootfs_not_found(std::uint64_t now);  // look again, ever less often

  // Says what its state is, where that was never said, or is long ago or was
  // lost: what was said before may not be kept any more.
  void recall_state(std::uint64_t now);

  // ---- Answers.
  ChangeList diff();
  std::vector<RuntimeLine> runtime_lines() const;
  // Keeps its state on disk; after a failure not again before a while is over.
  Result<> flush(std::uint64_t now);
  // Keeps how it is, for when it goes while no agent is there; not at once, and
  // the more there is the more rarely.
  void keep(std::uint64_t now);

 private:
  // What makes its state another than was kept.
  struct Kept {
    std::uint64_t written = 0;  // its ledger, so often
    ContainerState state = ContainerState::unknown;
    std::uint64_t mutated_paths = 0;
    std::string name;
    bool operator==(const Kept&) const = default;
  };
  struct Waiting {
    std::uint64_t asked_boot_ns = 0;
    unsigned rounds = 0;
    Reply<ContainerPtr> reply;
  };

  // Its next turn looks at it, and whoever asks how it is gets a new answer.
  void stir() {
    stirred_ = true;
    view_.reset();
  }
  // The drift, to do something with it.
  drift::ContainerDrift* stirred() {
    stir();
    return drift_.get();
  }
  std::uint64_t wanted_ns() const;
  ContainerView present_view();
  void say_state(const ContainerView& view);
  Kept present_state();
  bool keep_now();
  void equip();
  void make_scanner();
  void renew_scanner();
  void report(const MutationEvent& event);
  void note_update(const MutationEvent& event);
  WallTime start_of_rootfs(std::uint64_t live_since_ns) const;
  std::string state_path(std::string_view extension) const;

  Context& context_;
  ContainerRecord record_;
  // Both are null while the rootfs is not known. The scanner is shared with a
  // scan under way; the drift is the loop's alone.
  std::unique_ptr<drift::ContainerDrift> drift_;
  std::shared_ptr<drift::Scanner> scanner_;
  bool running_ = false;
  bool removed_ = false;
  bool awaited_ = false;
  bool live_seen_ = false;  // the first exec of its present life was
  WallTime started_;        // of its present or last life
  WallTime since_;
  WallTime prepared_;  // when it was seen to begin to live; 0: it was not
  std::uint64_t exited_ns_ = 0;
  std::set<std::uint64_t> cgroups_;
  Sessions sessions_;
  std::uint64_t sessions_seen_ = 0;  // whether they mutated or not
  Updates updates_;
  std::vector<FileObservation> deferred_;
  std::uint64_t deferred_since_ns_ = 0;
  std::uint64_t deferred_until_ns_ = 0;
  bool deleting_ = false;  // some of that deletes files
  std::vector<Waiting> waiting_;
  ContainerViewPtr view_;  // null: it may be another by now
  bool stirred_ = true;    // since its last turn
  SaidState said_;

  // Boot time, all of them.
  std::uint64_t next_ns_ = 0;  // as of its last turn
  std::uint64_t next_full_scan_ns_ = 0;
  drift::Backoff flush_retry_;
  std::uint64_t flush_not_before_ns_ = 0;
  Kept kept_;
  std::uint64_t keep_at_ns_ = 0;  // 0: as it was kept
  std::uint64_t keep_not_before_ns_ = 0;
  std::uint64_t next_check_ns_ = 0;   // whether it still exists
  std::uint64_t next_rootfs_ns_ = 0;  // whether its rootfs is found by now
  std::uint64_t rootfs_pause_ns_ = 0;
  // A program that mounts often does so several times: one look for all.
  static constexpr std::uint64_t kDebounceNs = 5 * kMillisecondNs;
  std::uint64_t mounts_due_ns_ = 0;  // 0: in no hurry
  // Whoever mounts all the time does not keep us looking all the time.
  std::uint64_t mounts_pause_ns_ = kDebounceNs;
  std::string mounts_trouble_;       // of the latest look; empty: none
  std::uint64_t limits_cgroup_ = 0;  // whose limits are watched; 0: none
};

}  // namespace stillframe::engine
