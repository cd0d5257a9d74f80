// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/later_marks.h"

#include <utility>

namespace stillframe::drift {

std::optional<LaterMarks::Due> LaterMarks::take(std::uint64_t now) {
  if (steps_.empty() || next() > now) return std::nullopt;
  Due due = std::move(steps_.begin()->second);
  steps_.erase(steps_.begin());
  return due;
}

}  // namespace stillframe::drift
