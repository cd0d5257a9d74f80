// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace stillframe::web {

// The cipher suites that may be configured, by their names at IANA: those of
// OpenSSL that authenticate the server, keep the past secret (ECDHE) and are
// not broken.
std::span<const std::string> cipher_suites();

// OpenSSL's name of a suite with this name at IANA; empty: none.
std::string openssl_cipher(std::string_view iana);
// Whether it is one of TLS 1.3, which are configured apart.
bool is_tls13(std::string_view iana);

struct Curve {
  std::string_view name;     // in the configuration: Go's
  std::string_view openssl;  // the same, for SSL_CTX_set1_groups_list(3)
};
std::span<const Curve> curves();

}  // namespace stillframe::web
