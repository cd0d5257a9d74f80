// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/size.h"

#include <algorithm>

#include "agent/base/number.h"
#include "agent/base/text.h"

namespace stillframe::cli {
namespace {

constexpr std::uint64_t kLeast = 64 << 10;
constexpr std::string_view kUnits = "KMGT";

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text) {
  const auto digits =
      std::min(text.find_first_not_of("0123456789"), text.size());
  const auto count = parse_number<std::uint32_t>(text.substr(0, digits));
  std::string_view unit = text.substr(digits);
  if (ends_with(unit, "iB")) unit.remove_suffix(2);
  const auto power = unit.size() == 1 ? kUnits.find(unit[0]) + 1 : 0;
  const bool known = unit.empty() ? digits == text.size() : power != 0;
  if (!count || !known) {
    return fail("'" + printable(text) +
                "' is not a size, such as 65536, 64KiB, 16MiB or 1GiB");
  }
  const std::uint64_t bytes = std::uint64_t{*count} << (10 * power);
  if (bytes < kLeast) return fail("must be 64KiB at least: " + printable(text));
  return bytes;
}

}  // namespace stillframe::cli
