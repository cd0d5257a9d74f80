// SPDX-License-Identifier: Apache-2.0
//
// Three clocks: BPF stamps CLOCK_BOOTTIME (nanoseconds since boot, goes on in
// suspend), people read CLOCK_REALTIME, durations use CLOCK_MONOTONIC. This is
// the one place where they meet.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/base/result.h"

namespace stillframe {

// Nanoseconds since 1970 (UTC).
struct WallTime {
  std::int64_t ns = 0;
  auto operator<=>(const WallTime&) const = default;
};

WallTime wall_now();
std::uint64_t boottime_now_ns();
std::uint64_t monotonic_now_ns();

// The clocks as one thing that is handed in, so that tests can set the time.
// Whoever paces, waits or stamps takes a `const Clock&` that outlives it and
// reads no clock by itself.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::uint64_t boot_ns() const = 0;  // CLOCK_BOOTTIME
  virtual std::uint64_t mono_ns() const = 0;  // CLOCK_MONOTONIC
  virtual WallTime wall() const = 0;          // CLOCK_REALTIME
  // A boot-time stamp as wall time, by the offset between the clocks now.
  WallTime wall_at(std::uint64_t stamp_boot_ns) const;
};

// The machine's own clocks; lives as long as the program.
const Clock& system_clock();

// A boot-time stamp as wall time, by the offset between the clocks now.
WallTime wall_from_boottime(std::uint64_t boot_ns);

// RFC 3339 with nine digits: 2026-11-22T12:00:00.000000001Z
std::string rfc3339(WallTime time);
Result<WallTime> parse_rfc3339(std::string_view text);

// "3s", "5m", "2h13m", "4d": for tables.
std::string short_age(std::int64_t ns);

}  // namespace stillframe
