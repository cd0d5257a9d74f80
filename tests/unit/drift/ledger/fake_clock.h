// SPDX-License-Identifier: Apache-2.0
//
// A clock that stands until a test moves it.
#pragma once

#include "agent/base/clock.h"

namespace stillframe::drift::test {

class FakeClock final : public Clock {
 public:
  std::uint64_t boot_ns() const override { return boot_ns_; }
  std::uint64_t mono_ns() const override { return boot_ns_; }
  WallTime wall() const override {
    return {static_cast<std::int64_t>(boot_ns_) + kBootedAtNs};
  }
  void advance(std::uint64_t ns) { boot_ns_ += ns; }

 private:
  static constexpr std::int64_t kBootedAtNs = 1'700'000'000'000'000'000;
  std::uint64_t boot_ns_ = 1'000'000'000'000;
};

}  // namespace stillframe::drift::test
