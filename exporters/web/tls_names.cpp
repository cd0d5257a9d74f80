// SPDX-License-Identifier: Apache-2.0
#include "exporters/web/tls_names.h"

#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <memory>

namespace stillframe::web {
namespace {

constexpr char kSuites[] =
    "ECDHE+HIGH:!aNULL:!eNULL:!PSK:!SRP:!ARIA:!CAMELLIA:!AESCCM:!SHA256:!"
    "SHA384";

struct Suite {
  std::string iana;
  std::string openssl;
  bool tls13 = false;
};

std::vector<Suite> read_suites() {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(
      SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  std::vector<Suite> suites;
  if (context == nullptr) return suites;
  SSL_CTX_set_cipher_list(context.get(), kSuites);
  const STACK_OF(SSL_CIPHER)* all = SSL_CTX_get_ciphers(context.get());
  for (int i = 0; i < sk_SSL_CIPHER_num(all); ++i) {
    const SSL_CIPHER* cipher = sk_SSL_CIPHER_value(all, i);
    const char* iana = SSL_CIPHER_standard_name(cipher);
    if (iana == nullptr) continue;
    suites.push_back(
        {iana, SSL_CIPHER_get_name(cipher),
         std::string_view(SSL_CIPHER_get_version(cipher)) == "TLSv1.3"});
  }
  return suites;
}

const std::vector<Suite>& suites() {
  static const std::vector<Suite> all = read_suites();
  return all;
}

const Suite* find(std::string_view iana) {
  const auto at =
      std::find_if(suites().begin(), suites().end(),
                   [&](const Suite& suite) { return suite.iana == iana; });
  return at == suites().end() ? nullptr : &*at;
}

constexpr std::array<Curve, 4> kCurves = {{{"X25519", "X25519"},
                                           {"CurveP256", "P-256"},
                                           {"CurveP384", "P-384"},
                                           {"CurveP521", "P-521"}}};

}  // namespace

std::span<const std::string> cipher_suites() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& suite : suites()) all.push_back(suite.iana);
    return all;
  }();
  return names;
}

std::string openssl_cipher(std::string_view iana) {
  const Suite* suite = find(iana);
  return suite == nullptr ? "" : suite->openssl;
}

bool is_tls13(std::string_view iana) {
  const Suite* suite = find(iana);
  return suite != nullptr && suite->tls13;
}

std::span<const Curve> curves() { return kCurves; }

}  // namespace stillframe::web
