// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

#include "agent/engine/core.h"

namespace stillframe::engine {

// What happened on an overlay of which no container is known yet. Bounded: an
// overlay that never becomes a container's is forgotten after a while.
struct Core::Unclaimed {
  using Seen = std::variant<FileObservation, ExecObservation, MountObservation>;

  explicit Unclaimed(std::uint64_t boot_ns) : since_ns(boot_ns) {}

  void add(const Seen& seen) {
    if (seen_.size() < kMax) {
      seen_.push_back(seen);
    } else {
      overflowed_ = true;
    }
  }
  std::vector<Seen> take() { return std::move(seen_); }
  bool overflowed() const { return overflowed_; }

  // A runtime gets from the mount to the first exec within this time.
  static constexpr std::uint64_t kPatienceNs = 300'000'000'000;
  static constexpr std::size_t kMaxRoots = 64;  // beyond it the oldest goes
  std::uint64_t since_ns;

 private:
  static constexpr std::size_t kMax = 2048;
  std::vector<Seen> seen_;
  bool overflowed_ = false;
};

}  // namespace stillframe::engine
