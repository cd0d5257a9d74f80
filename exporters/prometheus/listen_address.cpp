// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/listen_address.h"

#include <fmt/format.h>

#include "agent/base/number.h"
#include "agent/base/text.h"

namespace stillframe::metrics {
namespace {

tl::unexpected<Error> bad(std::string_view text, std::string_view why) {
  return fail(fmt::format(
      "'{}' is not a listen address: {} (wanted: :12015, 127.0.0.1:12015 or "
      "[::1]:12015)",
      printable(text), why));
}

bool is_host_character(char c, bool brackets) {
  const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                            (c >= 'A' && c <= 'Z');
  return alphanumeric || c == '.' || c == '-' || c == '_' ||
         (brackets && (c == ':' || c == '%'));
}

}  // namespace

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad(text, "no port");
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const bool brackets =
      host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (brackets) host = host.substr(1, host.size() - 2);
  if (brackets && host.empty()) return bad(text, "no address in the brackets");
  for (const char c : host) {
    if (!is_host_character(c, brackets)) {
      return bad(text, c == ':' ? "an IPv6 address needs brackets"
                                : "the host has a character no host has");
    }
  }
  const auto number = parse_number<std::uint16_t>(port);
  if (!number) {
    return bad(text, "the port is not a number from 0 to 65535");
  }
  return ListenAddress{.host = std::string(host), .port = *number};
}

std::string to_string(const ListenAddress& address) {
  const bool brackets = address.host.find(':') != std::string::npos;
  return fmt::format(fmt::runtime(brackets ? "[{}]:{}" : "{}:{}"), address.host,
                     address.port);
}

}  // namespace stillframe::metrics
