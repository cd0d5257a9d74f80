// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "agent/base/queue.h"
#include "agent/drift/scan/packages.h"
#include "agent/engine/runs.h"
#include "agent/model/update.h"

namespace stillframe::engine {

// Of one container: its updates in place, each one run of a tool. One that
// changes nothing is none. Bounded: health checks run tools for ever, and
// whoever is in a container may begin runs as fast as it can.
class Updates {
 public:
  static constexpr std::size_t kMaxOpen = 64;
  static constexpr std::size_t kMaxPast = 192;
  static constexpr std::size_t kMaxEnds = 256;
  static constexpr std::size_t kMaxFinished = 4096;
  static constexpr std::size_t kMaxPaths = 4096;    // counted, of all open ones
  static constexpr std::size_t kMaxPackages = 256;  // of each
  static constexpr std::size_t kMaxHints = 2048;    // of all open ones
  static constexpr std::size_t kMaxHintPath = 1024;

  // A change by `actor`, which has an update. The update, if this began it.
  const Update* changed(const MutationEvent& event, const Runs::Run& run,
                        std::uint64_t now);
  // The first process of a run, or of a session, has ended.
  void ended(std::uint64_t id, WallTime time, std::uint64_t now);
  // No process runs any more.
  void all_ended(WallTime time, std::uint64_t now);

  // One that is over and of which nothing is pending: what its packages are to
  // be looked up by. One at a time, and paced: the look-ups of one container
  // take no more than about a tenth of the time. `scan_due`: a scan may still
  // find changes of it.
  struct Over {
    std::uint64_t id = 0;
    std::vector<drift::PackageHint> packages;
  };
  std::optional<Over> take_over(std::uint64_t now, bool scan_due);
  // With which packages; the update, complete.
  const Update* finish(std::uint64_t id, std::vector<PackageChange> packages,
                       std::uint64_t now);
  std::vector<std::uint64_t> open() const;  // ids of those not finished
  // When take_over() may have one, boot time; `scan_due` as for that.
  std::uint64_t next_ns(bool scan_due) const;

  std::vector<Update> list() const;  // in the order in which they began

 private:
  struct Open {
    Update update;
    std::uint64_t last_change_ns = 0;
    std::uint64_t ended_ns = 0;  // 0: not yet
    bool joined = false;  // its end is not seen: it is over after a while
    bool taken = false;
    std::unordered_set<std::size_t> paths;
    std::vector<drift::PackageHint> packages;
    std::set<std::string> package_files;
  };
  struct End {
    std::uint64_t id = 0;
    WallTime time;
  };

  Open* find(std::uint64_t id);
  static std::uint64_t due_ns(const Open& open, bool scan_due);
  void note(Open& open, const MutationEvent& event, std::uint64_t now);
  void close(std::size_t index);

  std::vector<Open> open_;
  Queue<Update> past_;
  std::set<std::uint64_t> finished_;  // ids, which grow with time
  Queue<End> ends_;                   // of what has changed nothing so far
  std::size_t paths_ = 0;
  std::size_t hints_ = 0;
  bool under_way_ = false;           // a look-up of packages is
  std::uint64_t taken_ns_ = 0;       // since then
  std::uint64_t not_before_ns_ = 0;  // the next one
};

}  // namespace stillframe::engine
