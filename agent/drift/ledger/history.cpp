// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/history.h"

#include <algorithm>

namespace stillframe::drift {

void History::load(bool ever_mutated, WallTime first_mutation) {
  ever_mutated_ = ever_mutated_ || ever_mutated;
  const bool earlier =
      first_mutation_.ns == 0 || first_mutation < first_mutation_;
  if (first_mutation.ns != 0 && earlier) first_mutation_ = first_mutation;
  last_mutation_ = std::max(last_mutation_, first_mutation);
}

void History::violated(WallTime first, WallTime last,
                       std::optional<ActorId> by) {
  ever_mutated_ = true;
  if (first_mutation_.ns == 0 || first < first_mutation_) {
    first_mutation_ = first;
  }
  last_mutation_ = std::max(last_mutation_, last);
  if (!by || (newest_ && newest_->time > last)) return;
  newest_ = Newest{last, *by};
}

std::optional<ActorId> History::last_actor() const {
  if (!newest_) return std::nullopt;
  return newest_->actor;
}

}  // namespace stillframe::drift
