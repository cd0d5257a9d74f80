// SPDX-License-Identifier: Apache-2.0
//
// Differences that a scan found between the change and the report of it: the
// kernel side reports an operation when it is done, and whoever does it may
// lose the processor before that. Such a difference is unattributed only when
// the report has had the time to come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>

#include "agent/base/queue.h"
#include "agent/drift/entry.h"
#include "agent/drift/ledger/candidates.h"
#include "agent/model/observation.h"

namespace stillframe::drift {

struct Awaited {
  Entry entry;       // as it was found, or as it was before it vanished
  std::string path;  // then
  std::string from;
  bool appeared = false;
  bool vanished = false;
  std::uint64_t started = 0;   // boot time of the scan
  std::uint64_t since_ns = 0;  // boot time
  // Nobody had been seen in its directory: who is seen there later may have
  // done it. Else only a report of the very entry says who did.
  bool alone = false;
  // Whoever was seen to begin it; theirs if no report comes.
  std::optional<Choice> by = {};
  // It waits for the file's other names, of which what is done to the file says
  // nothing.
  bool other_names = false;
};

class AwaitedReports {
 public:
  static constexpr std::size_t kMax = 1024;
  // Of paths, which are as long as a container makes them.
  static constexpr std::size_t kMaxBytes = 4u << 20;
  static constexpr std::uint64_t kPatienceNs = 500'000'000;

  // False: there are too many. What waits already stays as it was first found,
  // however often it changes: it does not wait any longer.
  bool add(Awaited one);
  bool empty() const { return waiting_.empty(); }
  std::uint64_t next_boot_ns() const;  // when the first is overdue; 0: none
  // False: the operation concerns() none of them. Costs one or two look-ups,
  // since it is asked of every operation of a flood.
  bool may_concern(const FileObservation& seen) const;

  // Takes those of which it is true, oldest first.
  Queue<Awaited> take(const std::function<bool(const Awaited&)>& which);

 private:
  void count(const Awaited& one, int by);

  Queue<Awaited> waiting_;
  std::size_t bytes_ = 0;
  // How many wait of each inode, and at each place; by hash.
  std::unordered_map<std::size_t, int> inodes_;
  std::unordered_map<std::size_t, int> places_;
};

// Whether an operation is about the same entry; and whether it explains how
// that came to be as it was found.
bool concerns(const FileObservation& seen, const Awaited& one);
bool explains(const FileObservation& seen, const Awaited& one);

}  // namespace stillframe::drift
