// SPDX-License-Identifier: Apache-2.0
//
// How long to wait before something that failed is tried again.
#pragma once

#include <algorithm>
#include <cstdint>

namespace stillframe::drift {

class Backoff {
 public:
  static constexpr std::uint64_t kFirstNs = 1'000'000'000;
  static constexpr std::uint64_t kLongestNs = 60 * kFirstNs;

  // It failed (again): how long to wait now.
  std::uint64_t next() {
    wait_ns_ = std::clamp(2 * wait_ns_, kFirstNs, kLongestNs);
    return wait_ns_;
  }
  void reset() { wait_ns_ = 0; }
  bool failing() const { return wait_ns_ != 0; }

 private:
  std::uint64_t wait_ns_ = 0;
};

}  // namespace stillframe::drift
