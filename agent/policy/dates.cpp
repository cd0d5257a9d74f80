// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/dates.h"

#include <charconv>
#include <chrono>

namespace stillframe::policy {
namespace {

// Digits only: no sign, no blanks.
bool number(std::string_view text, int& out) {
  if (text.find_first_not_of("0123456789") != std::string_view::npos) {
    return false;
  }
  const char* end = text.data() + text.size();
  return std::from_chars(text.data(), end, out).ec == std::errc{};
}

}  // namespace

Result<WallTime> parse_expiry(std::string_view text) {
  constexpr std::size_t kDate = 10;
  if (text.size() != kDate || text[4] != '-' || text[7] != '-') {
    if (auto time = parse_rfc3339(text)) return time;
    return fail("neither a date nor an RFC 3339 time");
  }
  int year = 0;
  int month = 0;
  int day = 0;
  if (!number(text.substr(0, 4), year) || !number(text.substr(5, 2), month) ||
      !number(text.substr(8, 2), day)) {
    return fail("neither a date nor an RFC 3339 time");
  }
  const std::chrono::year_month_day date{
      std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
      std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return fail("there is no such day");
  // Nanoseconds in 64 bits end in 2262.
  if (year < 1970 || year > 2200) return fail("a year out of range");
  const auto over = std::chrono::sys_days(date) + std::chrono::days(1);
  return WallTime{std::chrono::nanoseconds(over.time_since_epoch()).count()};
}

}  // namespace stillframe::policy
