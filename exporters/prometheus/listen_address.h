// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/base/result.h"

namespace stillframe::metrics {

struct ListenAddress {
  std::string host;        // empty: all addresses, IPv6 and IPv4
  std::uint16_t port = 0;  // 0: any free one

  bool operator==(const ListenAddress&) const = default;
};

// ":12015", "127.0.0.1:12015", "[::1]:12015", "localhost:12015".
Result<ListenAddress> parse_listen_address(std::string_view text);

// The inverse.
std::string to_string(const ListenAddress& address);

}  // namespace stillframe::metrics
