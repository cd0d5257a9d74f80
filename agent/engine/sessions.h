// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <set>

#include "agent/base/queue.h"
#include "agent/model/mutation.h"

namespace stillframe::engine {

struct EndedSession {
  std::uint64_t id = 0;
  WallTime time;
  SharedActor leader;
};

// Of one container: sessions that mutated it, each reported as started and as
// ended once. Health checks exec forever, so one that mutates nothing is not
// reported; whether it did, a scan may find only after it has ended.
class Sessions {
 public:
  static constexpr std::size_t kMaxEnded = 64;  // the latest that ended

  // A session has mutated. True: report its start, for it is the first time;
  // and its end, which `ended` then holds, if that has been seen already.
  bool mutated(std::uint64_t id, std::optional<EndedSession>* ended);
  // A session has ended. Whether to report that: its start was.
  bool ended(EndedSession session);

 private:
  struct Past {
    EndedSession session;
    bool reported = false;
  };
  std::set<std::uint64_t> open_;  // mutated, start reported
  Queue<Past> past_;
};

}  // namespace stillframe::engine
