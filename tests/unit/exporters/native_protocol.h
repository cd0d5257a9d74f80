// SPDX-License-Identifier: Apache-2.0
//
// Journald's native protocol, read as journald reads it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace stillframe::test {

// The fields of a datagram, each at most once. Nothing: it is not well-formed.
inline std::optional<std::map<std::string, std::string>> fields_of(
    std::string_view datagram) {
  std::map<std::string, std::string> fields;
  while (!datagram.empty()) {
    const auto end = datagram.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string name(datagram.substr(0, end));
    datagram.remove_prefix(end + 1);
    constexpr std::size_t kLength = sizeof(std::uint64_t);
    if (datagram.size() < kLength) return std::nullopt;
    std::uint64_t size = 0;
    for (std::size_t byte = 0; byte < kLength; ++byte) {
      size |= std::uint64_t{static_cast<unsigned char>(datagram[byte])}
              << (8 * byte);
    }
    datagram.remove_prefix(kLength);
    if (size >= datagram.size() || datagram[size] != '\n') return std::nullopt;
    if (!fields.emplace(name, datagram.substr(0, size)).second) {
      return std::nullopt;
    }
    datagram.remove_prefix(size + 1);
  }
  return fields;
}

}  // namespace stillframe::test
