// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <utility>

#include "agent/base/clock.h"

namespace stillframe::engine {

// When to give memory back: a second after something happened, since bursts,
// scans and answers leave much that the allocator would keep; and never for
// more than a hundredth of the time.
class Trim {
 public:
  static constexpr std::uint64_t kAfterNs = 1'000'000'000;
  static constexpr std::uint64_t kPace = 100;

  Trim(const Clock& clock, std::function<void()> give_back)
      : clock_(clock), give_back_(std::move(give_back)) {}

  // Something happened.
  void ask() {
    if (due_ns_ != 0) return;
    due_ns_ = std::max(clock_.boot_ns() + kAfterNs, not_before_ns_);
  }
  std::uint64_t next_boot_ns() const {
    return due_ns_ != 0 ? due_ns_ : std::numeric_limits<std::uint64_t>::max();
  }
  void turn() {
    const std::uint64_t begun = clock_.boot_ns();
    if (begun < next_boot_ns()) return;
    due_ns_ = 0;
    give_back_();
    const std::uint64_t ended = clock_.boot_ns();
    not_before_ns_ = ended + kPace * (ended - begun);
  }

 private:
  const Clock& clock_;
  std::function<void()> give_back_;
  std::uint64_t due_ns_ = 0;
  std::uint64_t not_before_ns_ = 0;
};

}  // namespace stillframe::engine
