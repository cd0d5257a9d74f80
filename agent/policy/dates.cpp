// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/dates.h"

#include <chrono>
#include <cstdint>

#include "agent/base/number.h"

namespace stillframe::policy {

Result<WallTime> parse_expiry(std::string_view text) {
  constexpr std::size_t kDate = 10;
  if (text.size() != kDate || text[4] != '-' || text[7] != '-') {
    if (auto time = parse_rfc3339(text)) return time;
    return fail("neither a date nor an RFC 3339 time");
  }
  const auto year = parse_number<std::uint16_t>(text.substr(0, 4));
  const auto month = parse_number<std::uint8_t>(text.substr(5, 2));
  const auto day = parse_number<std::uint8_t>(text.substr(8, 2));
  if (!year || !month || !day) {
    return fail("neither a date nor an RFC 3339 time");
  }
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(*month),
                                         std::chrono::day(*day)};
  if (!date.ok()) return fail("there is no such day");
  // Nanoseconds in 64 bits end in 2262.
  if (*year < 1970 || *year > 2200) return fail("a year out of range");
  const auto over = std::chrono::sys_days(date) + std::chrono::days(1);
  return WallTime{std::chrono::nanoseconds(over.time_since_epoch()).count()};
}

}  // namespace stillframe::policy
