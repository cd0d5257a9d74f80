// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/said_state.h"

#include <algorithm>

namespace stillframe::engine {

bool SaidState::take_turn(std::uint64_t now) {
  const std::uint64_t earned = (now - earned_ns_) / kEveryNs;
  turns_ =
      static_cast<unsigned>(std::min<std::uint64_t>(kAtOnce, turns_ + earned));
  earned_ns_ += earned * kEveryNs;
  if (turns_ == 0) return false;
  --turns_;
  return true;
}

bool SaidState::is_due(ContainerState state, bool complete, std::uint64_t now) {
  // A change that was undone before anybody looked is over, too: by who has
  // looked at all of it since.
  const bool mutated = state == ContainerState::mutated;
  if (violated_ && complete && !mutated) waits_ = true;
  if (complete || mutated) violated_ = false;
  if (state != last_.value_or(ContainerState::unknown)) waits_ = true;
  return waits_ && take_turn(now);
}

bool SaidState::is_to_be_recalled(std::uint64_t now,
                                  std::uint64_t resumption) const {
  constexpr std::uint64_t kHalf = kRecallNs / 2;
  return !last_ || resumption_ != resumption ||
         now - said_ns_ >= kHalf + spread_ % kHalf;
}

void SaidState::said(ContainerState state, std::uint64_t now,
                     std::uint64_t resumption) {
  last_ = state;
  said_ns_ = now;
  resumption_ = resumption;
  waits_ = false;
}

}  // namespace stillframe::engine
