// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace stillframe::journald {

// Of the events that journald was to have.
struct State {
  std::uint64_t sent = 0;
  std::uint64_t queue_full = 0;   // dropped while it was away or slow
  std::uint64_t send_failed = 0;  // refused one by one
};

}  // namespace stillframe::journald
