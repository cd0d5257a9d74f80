// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

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
  static constexpr std::size_t kMaxPaths = 4096;  // counted, of all open ones
  static constexpr std::size_t kMaxPackages = 1024;  // of each

  // A change by `actor`, which has an update. The update, if this began it.
  const Update* changed(const MutationEvent& event, const Runs::Run& run,
                        std::uint64_t now);
  // The first process of a run, or of a session, has ended.
  void ended(std::uint64_t id, WallTime time, std::uint64_t now);
  // No process runs any more.
  void all_ended(WallTime time, std::uint64_t now);

  // One that is over and of which nothing is pending: what its packages are to
  // be looked up by. `scan_due`: a scan may still find changes of it.
  struct Over {
    std::uint64_t id = 0;
    std::vector<drift::PackageHint> packages;
  };
  std::optional<Over> take_over(std::uint64_t now, bool scan_due);
  // With which packages; the update, complete.
  const Update* finish(std::uint64_t id, std::vector<PackageChange> packages);
  std::vector<std::uint64_t> open() const;  // ids of those not finished
  // When take_over() may have one, boot time.
  std::uint64_t next_ns() const;

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
  std::uint64_t due_ns(const Open& open) const;
  void note(Open& open, const MutationEvent& event, std::uint64_t now);
  void close(std::size_t index);

  std::deque<Open> open_;
  std::deque<Update> past_;
  std::set<std::uint64_t> finished_;  // ids, which grow with time
  std::deque<End> ends_;              // of what has changed nothing so far
  std::size_t paths_ = 0;
};

}  // namespace stillframe::engine
