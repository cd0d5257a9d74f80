// SPDX-License-Identifier: Apache-2.0
//
// Places to look at some time after what was seen there, since more may have
// been done unreported by then. Times are boot time in nanoseconds.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

#include "agent/drift/ledger/dirty_set.h"
#include "agent/model/inode.h"

namespace stillframe::drift {

class LaterMarks {
 public:
  // Those due within one step are taken together, at its end.
  static constexpr std::uint64_t kStepNs = 250'000'000;

  struct Due {
    DirtySet marks;
    bool everything = false;
  };

  void mark(const InodeId& directory, std::string_view name,
            std::uint64_t when) {
    step_of(when).marks.mark(directory, name, when);
  }
  void mark_everything(std::uint64_t when) { step_of(when).everything = true; }

  // The earliest step, if it is due.
  std::optional<Due> take(std::uint64_t now);
  std::uint64_t next() const {  // 0: nothing marked
    return steps_.empty() ? 0 : steps_.begin()->first * kStepNs;
  }

 private:
  Due& step_of(std::uint64_t when) { return steps_[when / kStepNs + 1]; }

  std::map<std::uint64_t, Due> steps_;  // by number: each ends with its step
};

}  // namespace stillframe::drift
