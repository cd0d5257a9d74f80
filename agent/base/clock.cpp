// SPDX-License-Identifier: Apache-2.0
#include "agent/base/clock.h"

#include <fmt/format.h>

#include <cctype>
#include <ctime>
#include <optional>

namespace stillframe {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

// What nanoseconds in 64 bits can hold: the years 1678 to 2261.
constexpr std::int64_t kFirstSecond = -9'214'560'000;
constexpr std::int64_t kLastSecond = 9'214'646'400;

// The number that the first two characters are, if it is below `limit`.
std::optional<int> two_digits(std::string_view text, int limit) {
  if (text.size() < 2) return std::nullopt;
  const unsigned tens = static_cast<unsigned char>(text[0]) - unsigned{'0'};
  const unsigned ones = static_cast<unsigned char>(text[1]) - unsigned{'0'};
  if (tens > 9 || ones > 9) return std::nullopt;
  const int number = static_cast<int>(tens * 10 + ones);
  return number < limit ? std::optional(number) : std::nullopt;
}

std::int64_t read_clock(clockid_t id) {
  timespec ts{};
  ::clock_gettime(id, &ts);
  return static_cast<std::int64_t>(ts.tv_sec) * kSecond + ts.tv_nsec;
}

class SystemClock final : public Clock {
 public:
  std::uint64_t boot_ns() const override { return boottime_now_ns(); }
  std::uint64_t mono_ns() const override { return monotonic_now_ns(); }
  WallTime wall() const override { return wall_now(); }
};

}  // namespace

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

WallTime Clock::wall_at(std::uint64_t stamp_boot_ns) const {
  return {wall().ns - static_cast<std::int64_t>(boot_ns()) +
          static_cast<std::int64_t>(stamp_boot_ns)};
}

WallTime wall_now() { return {read_clock(CLOCK_REALTIME)}; }

std::uint64_t boottime_now_ns() {
  return static_cast<std::uint64_t>(read_clock(CLOCK_BOOTTIME));
}

std::uint64_t monotonic_now_ns() {
  return static_cast<std::uint64_t>(read_clock(CLOCK_MONOTONIC));
}

WallTime wall_from_boottime(std::uint64_t boot_ns) {
  return {read_clock(CLOCK_REALTIME) - read_clock(CLOCK_BOOTTIME) +
          static_cast<std::int64_t>(boot_ns)};
}

std::string rfc3339(WallTime time) {
  std::int64_t seconds = time.ns / kSecond;
  std::int64_t nanos = time.ns % kSecond;
  if (nanos < 0) {
    nanos += kSecond;
    --seconds;
  }
  const std::time_t t = seconds;
  std::tm tm{};
  ::gmtime_r(&t, &tm);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z",
                     tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                     tm.tm_min, tm.tm_sec, nanos);
}

Result<WallTime> parse_rfc3339(std::string_view text) {
  const std::string copy(text);
  std::tm tm{};
  const char* rest = ::strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &tm);
  if (rest == nullptr) return fail("not an RFC 3339 time: " + copy);
  std::int64_t nanos = 0;
  if (*rest == '.') {
    std::int64_t scale = kSecond;
    for (++rest; std::isdigit(static_cast<unsigned char>(*rest)) != 0; ++rest) {
      scale /= 10;  // 0 beyond nanoseconds: further digits do not count
      nanos += (*rest - '0') * scale;
    }
  }
  std::int64_t offset = 0;
  if (*rest == 'Z' || *rest == 'z') {
    ++rest;
  } else if (*rest == '+' || *rest == '-') {
    // RFC 3339, section 5.6: time-numoffset.
    const std::string_view zone(rest + 1);
    const auto hours = two_digits(zone, 24);
    const auto minutes = zone.size() < 5 || zone[2] != ':'
                             ? std::nullopt
                             : two_digits(zone.substr(3), 60);
    if (!hours || !minutes) return fail("not an RFC 3339 time: " + copy);
    offset = (*hours * 60 + *minutes) * 60 * (*rest == '-' ? -1 : 1);
    rest += 6;
  } else {
    return fail("an RFC 3339 time needs a zone (Z or +01:00): " + copy);
  }
  if (*rest != '\0') return fail("not an RFC 3339 time: " + copy);
  const std::int64_t seconds = ::timegm(&tm) - offset;
  if (seconds < kFirstSecond || seconds > kLastSecond) {
    return fail("a time out of range: " + copy);
  }
  return WallTime{seconds * kSecond + nanos};
}

std::string short_age(std::int64_t ns) {
  const std::int64_t s = ns < 0 ? 0 : ns / kSecond;
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m{:02}s", s / 60, s % 60);
  if (s < 86400) return fmt::format("{}h{:02}m", s / 3600, s % 3600 / 60);
  return fmt::format("{}d{:02}h", s / 86400, s % 86400 / 3600);
}

}  // namespace stillframe
