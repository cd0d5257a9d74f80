// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace stillframe {

// What user or group numbers of a user namespace are outside of it.
struct IdMap {
  struct Range {
    std::uint32_t inside = 0;
    std::uint32_t outside = 0;
    std::uint32_t length = 0;
    bool operator==(const Range&) const = default;
  };
  std::vector<Range> ranges;

  // None: not mapped.
  std::optional<std::uint32_t> inside(std::uint32_t outside) const {
    for (const auto& range : ranges) {
      const std::uint32_t at = outside - range.outside;
      if (outside >= range.outside && at < range.length) {
        return range.inside + at;
      }
    }
    return std::nullopt;
  }
  std::optional<std::uint32_t> outside(std::uint32_t inside) const {
    for (const auto& range : ranges) {
      const std::uint32_t at = inside - range.inside;
      if (inside >= range.inside && at < range.length) {
        return range.outside + at;
      }
    }
    return std::nullopt;
  }
  bool operator==(const IdMap&) const = default;
};

struct IdMaps {
  IdMap users;
  IdMap groups;
  bool empty() const { return users.ranges.empty() && groups.ranges.empty(); }
  bool operator==(const IdMaps&) const = default;
};

}  // namespace stillframe
