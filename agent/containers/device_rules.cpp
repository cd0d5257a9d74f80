// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/device_rules.h"

#include <string>

#include "agent/base/text.h"

namespace stillframe::containers {
namespace {

bool number_fits(std::string_view pattern, std::uint32_t number) {
  return pattern == "*" || pattern == std::to_string(number);
}

bool access_fits(std::string_view granted, const DeviceObservation& asked) {
  const auto has = [&](char letter) {
    return granted.find(letter) != std::string_view::npos;
  };
  return (!asked.make || has('m')) && (!asked.read || has('r')) &&
         (!asked.write || has('w'));
}

// "b 8:* rwm", "a *:* rwm"
bool line_allows(std::string_view line, const DeviceObservation& asked) {
  const auto fields = split(line, ' ');
  if (fields.size() != 3) return false;
  const auto colon = fields[1].find(':');
  if (colon == std::string::npos) return false;
  const std::string_view type = fields[0];
  if (type != "a" && type != (asked.block ? "b" : "c")) return false;
  const std::string_view numbers = fields[1];
  return number_fits(numbers.substr(0, colon), asked.major) &&
         number_fits(numbers.substr(colon + 1), asked.minor) &&
         access_fits(fields[2], asked);
}

}  // namespace

bool device_allowed(std::string_view devices_list,
                    const DeviceObservation& asked) {
  for (const auto& line : split(devices_list, '\n')) {
    if (line_allows(line, asked)) return true;
  }
  return false;
}

}  // namespace stillframe::containers
