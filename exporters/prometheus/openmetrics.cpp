// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/openmetrics.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "agent/base/text.h"

namespace stillframe::metrics {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// One item of an Accept header (RFC 9110, 12.5.1).
struct MediaRange {
  std::string name;
  std::string version;  // empty: any
  double weight = 1;
};

MediaRange read_range(std::string_view item) {
  MediaRange range;
  const auto parts = split(item, ';');
  range.name = to_lower(trimmed(parts.front()));
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const auto part = trimmed(parts[i]);
    const auto equals = part.find('=');
    if (equals == std::string_view::npos) continue;
    const auto key = to_lower(trimmed(part.substr(0, equals)));
    const auto value = trimmed(part.substr(equals + 1));
    if (key == "version") range.version = value;
    if (key != "q") continue;
    const char* end = value.data() + value.size();
    const auto read = std::from_chars(value.data(), end, range.weight);
    if (read.ec != std::errc() || read.ptr != end) range.weight = 0;
  }
  return range;
}

}  // namespace

bool prefers_openmetrics(std::string_view accept) {
  double openmetrics = 0;
  double text = 0;
  for (const auto& item : split(accept, ',')) {
    const MediaRange range = read_range(item);
    const bool any = range.version.empty();
    if (range.name == "application/openmetrics-text" &&
        (any || range.version == "1.0.0")) {
      openmetrics = std::max(openmetrics, range.weight);
    } else if (range.name == "text/plain" &&
               (any || range.version == "0.0.4")) {
      text = std::max(text, range.weight);
    }
  }
  return openmetrics > 0 && openmetrics >= text;
}

}  // namespace stillframe::metrics
