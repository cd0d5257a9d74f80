// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "agent/base/clock.h"

namespace stillframe::socket_api {

// Puts texts in the order of their times. They come nearly in that order: what
// is later than some hundreds of others stays where it is.
class Reorder {
 public:
  // Returns what need not wait any longer.
  std::string push(WallTime time, std::uint64_t seq, std::string text);
  // All that waits.
  std::string flush();
  bool empty() const { return waiting_.empty(); }

 private:
  static constexpr std::size_t kMost = 512;
  static constexpr std::size_t kMostBytes = 1 << 20;

  std::string pop();

  std::multimap<std::pair<WallTime, std::uint64_t>, std::string> waiting_;
  std::size_t bytes_ = 0;
};

}  // namespace stillframe::socket_api
