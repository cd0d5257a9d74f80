// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/time.h"

#include <chrono>
#include <ctime>
#include <optional>

#include "agent/base/text.h"
#include "agent/cli/duration.h"

namespace stillframe::cli {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;

// Local time; a day that is none counts on, as mktime(3) does.
WallTime beginning_of_day(std::tm day) {
  day.tm_hour = day.tm_min = day.tm_sec = 0;
  day.tm_isdst = -1;
  return WallTime{static_cast<std::int64_t>(std::mktime(&day)) * kSecondNs};
}

std::optional<WallTime> day_named(const std::string& text) {
  const std::time_t now = std::time(nullptr);
  std::tm day{};
  ::localtime_r(&now, &day);
  if (text == "today") return beginning_of_day(day);
  if (text == "yesterday") {
    --day.tm_mday;
    return beginning_of_day(day);
  }
  std::tm given{};
  const char* end = ::strptime(text.c_str(), "%Y-%m-%d", &given);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return beginning_of_day(given);
}

}  // namespace

Result<WallTime> parse_time(const std::string& text) {
  if (const auto age = parse_duration(text)) {
    return WallTime{wall_now().ns - std::chrono::nanoseconds(*age).count()};
  }
  if (const auto day = day_named(text)) return *day;
  if (auto time = parse_rfc3339(text)) return time;
  return fail("'" + printable(text) +
              "' is neither a duration such as 10m, nor a day (2026-01-31, "
              "today, yesterday), nor an RFC 3339 time such as "
              "2026-01-31T12:00:00Z");
}

}  // namespace stillframe::cli
