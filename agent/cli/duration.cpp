// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/duration.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "agent/base/number.h"
#include "agent/base/text.h"

namespace stillframe::cli {
namespace {

constexpr std::int64_t kYearMs = 366LL * 24 * 3600 * 1000;

// Milliseconds of a unit; 0 when it is none.
std::int64_t unit_ms(std::string_view unit) {
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> kUnits = {
      {{"ms", 1},
       {"s", 1000},
       {"m", 60'000},
       {"h", 3'600'000},
       {"d", 86'400'000}}};
  for (const auto& [name, ms] : kUnits) {
    if (name == unit) return ms;
  }
  return 0;
}

}  // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const auto bad = [&] {
    return fail("'" + printable(text) +
                "' is not a duration, such as 500ms, 60s, 5m or 1h30m");
  };
  std::int64_t total = 0;
  std::string_view rest = text;
  if (rest.empty()) return bad();
  while (!rest.empty()) {
    const auto end =
        std::min(rest.find_first_not_of("0123456789"), rest.size());
    const auto count = parse_number<std::uint32_t>(rest.substr(0, end));
    if (!count) return bad();
    rest.remove_prefix(end);
    const auto digits = rest.find_first_of("0123456789");
    const std::int64_t unit = unit_ms(rest.substr(0, digits));
    if (unit == 0) return bad();
    rest.remove_prefix(std::min(digits, rest.size()));
    total += unit * *count;
    if (total > kYearMs) return fail("more than a year: " + printable(text));
  }
  if (total == 0) return fail("must be more than nothing: " + printable(text));
  return std::chrono::milliseconds(total);
}

}  // namespace stillframe::cli
