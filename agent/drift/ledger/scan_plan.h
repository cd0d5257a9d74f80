// SPDX-License-Identifier: Apache-2.0
//
// What of a rootfs has to be looked at (again), and when: places where
// something was done, or everything. Directories that keep changing are paced;
// a look that failed is taken again, later and later. Knows no scanner: work
// comes out, results are handed in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/drift/ledger/backoff.h"
#include "agent/drift/ledger/directory_paths.h"
#include "agent/drift/ledger/dirty_set.h"
#include "agent/drift/ledger/later_marks.h"
#include "agent/drift/scan/scanner.h"
#include "agent/drift/scan/tree.h"

namespace stillframe::drift {

// What to scan next. Nothing when neither is set.
struct ScanWork {
  bool full = false;
  bool thorough = false;  // also of what seems to be unchanged
  std::vector<PartialTask> parts;
  explicit operator bool() const { return full || !parts.empty(); }
};

// How long after the report of it a look may still see a directory on its way
// out.
constexpr std::uint64_t kBeingRemovedNs = 500'000'000;

class ScanPlan {
 public:
  // As long as the kernel side may fold or suppress what comes after an event
  // that says so, and some of its ticks.
  static constexpr std::uint64_t kUnreportedNs = 1'050'000'000;

  ScanPlan(const Clock& clock, const UpperTree& tree,
           const DirectoryPaths& directories)
      : clock_(clock), tree_(tree), directories_(directories) {}

  // A name in a directory, or all of them, may have changed at that boot time.
  void mark(const InodeId& directory, std::string_view name,
            std::uint64_t boot_ns);
  void mark_all(const InodeId& directory, std::uint64_t boot_ns);
  // More may follow there, or anywhere, unreported: one more look when that is
  // over.
  void mark_later(const InodeId& directory, std::string_view name,
                  std::uint64_t boot_ns) {
    later_.mark(directory, name, boot_ns + kUnreportedNs);
  }
  void need_full_later(std::uint64_t boot_ns) {
    later_.mark_everything(boot_ns + kUnreportedNs);
  }
  void drop(const InodeId& directory) { dirty_.drop(directory); }  // it is gone
  void need_full() { full_due_ = true; }
  void request_full();  // somebody asks: not paced
  // The same, and that all is looked at which seems to be unchanged.
  void request_thorough();
  // What the scan that was taken in last took for known is not: see
  // UpperTree::Delta::missed. Paced, unless somebody asked for that scan: a
  // container may bring this about again and again.
  void missed();

  ScanWork take_work();
  bool due() const;  // take_work() would give something
  bool under_way() const { return under_way_; }
  std::uint64_t next_boot_ns() const;  // when to ask again; 0: nothing pending

  // A result has come. False: nothing is to be learnt from it, and its work is
  // planned again. Otherwise the tree takes it in, and for a part settle()
  // follows.
  bool accept(const ScanResult& scan);
  bool accept(const PartialResult& part);
  struct Settled {
    std::vector<InodeId> listed;  // directories seen with all their names
    std::vector<InodeId> gone;
  };
  Settled settle(const PartialResult& part);

  // Marked and not looked at since.
  bool pending(const InodeId& directory) const;
  bool marked() const { return !dirty_.empty(); }  // any directory is
  bool any_pending() const;  // or a scan is due or under way
  // Since when a directory has been marked; the largest number: none is.
  std::uint64_t oldest_mark() const { return dirty_.oldest(); }
  // Nothing more has to be seen to say what is in this directory.
  bool looked_at(const InodeId& directory) const;
  // The latest look saw less than it should: what it did not meet may be there.
  bool failing() const;
  // And there is nothing that no scan can tell.
  bool saw_everything() const { return !failing() && unknowable_.empty(); }
  bool up_to_date() const;  // it did, and nothing has changed since

  std::string why_not_complete() const;
  std::vector<std::string> trouble() const;  // that lasts
  WallTime last_complete() const { return last_complete_; }
  std::uint64_t last_start() const { return last_start_; }  // of one taken in
  std::uint64_t previous_start() const { return previous_start_; }

 private:
  // What take_work() gave out, to be put back if nothing comes of it.
  struct Taken {
    bool asked = false;
    bool thorough = false;
    DirtySet marks;                    // full: all that there were
    std::vector<DirtySet::Due> parts;  // else, and where they were
    std::vector<SharedPath> places;
  };
  bool reading_ready(std::uint64_t now) const;
  void take_reading(std::uint64_t now, ScanWork& work);
  void pace_reading(std::uint64_t duration_ns);
  bool full_ready(std::uint64_t now) const;
  void take_later(std::uint64_t now);
  void take_parts(std::uint64_t now, ScanWork& work);
  void put_back_from(std::size_t first, std::uint64_t now);
  void settle_stale(std::size_t index, Settled& out);

  const Clock& clock_;
  const UpperTree& tree_;
  const DirectoryPaths& directories_;
  DirtySet dirty_;
  LaterMarks later_;
  bool full_due_ = true;
  bool full_asked_ = true;
  bool thorough_ = true;
  bool last_asked_ = false;  // for the scan that was taken in last
  std::uint64_t full_not_before_ = 0;
  std::uint64_t reading_not_before_ = 0;  // of UpperTree::reading()
  bool under_way_ = false;
  Taken taken_;

  bool complete_ = false;
  std::string full_trouble_;
  std::string part_trouble_;
  std::string unknowable_;  // what no scan of this rootfs can tell
  Backoff full_retry_;
  Backoff part_retry_;
  WallTime last_complete_;
  std::uint64_t last_start_ = 0;
  std::uint64_t previous_start_ = 0;
};

}  // namespace stillframe::drift
