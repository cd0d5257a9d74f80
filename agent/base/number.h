// SPDX-License-Identifier: Apache-2.0
//
// Numbers from text, strictly: the whole text is the number, with no blanks and
// no plus sign, and it fits.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace stillframe {

template <typename Number>
std::optional<Number> parse_number(std::string_view text, int base = 10) {
  static_assert(std::is_integral_v<Number>);
  Number value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value, base);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return value;
}

}  // namespace stillframe
