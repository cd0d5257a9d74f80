// SPDX-License-Identifier: Apache-2.0
//
// Differences that a scan met in the moment between the change and the word of
// it: the kernel side reports an operation when it is done, and whoever does it
// may be off the processor before that. Until the word can be expected to have
// come, nobody says that it was nobody's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>

#include "agent/drift/entry.h"
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
};

class AwaitedWords {
 public:
  static constexpr std::size_t kMax = 1024;
  static constexpr std::uint64_t kPatienceNs = 500'000'000;

  // False: there are too many. What waits already goes on as it was found
  // first, however often it changes.
  bool add(Awaited one);
  bool empty() const { return waiting_.empty(); }
  std::uint64_t next_boot_ns() const;  // when the first is overdue; 0: none

  // Takes those of which it is true, oldest first.
  std::deque<Awaited> take(const std::function<bool(const Awaited&)>& which);

 private:
  std::deque<Awaited> waiting_;
};

// Whether an operation may be about the same entry; and whether it says how
// that came to be as it was found.
bool concerns(const FileObservation& seen, const Awaited& one);
bool tells(const FileObservation& seen, const Awaited& one);

}  // namespace stillframe::drift
