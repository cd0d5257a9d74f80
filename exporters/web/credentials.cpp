// SPDX-License-Identifier: Apache-2.0
#include "exporters/web/credentials.h"

#include <openssl/evp.h>
#include <strings.h>

#include <algorithm>
#include <cstddef>

namespace stillframe::web {
namespace {

constexpr std::string_view kScheme = "Basic ";

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  std::string out(text.size() / 4 * 3, '\0');
  // Takes padding for zero bytes, anywhere in the last four.
  const int length =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(text.data()),
                      static_cast<int>(text.size()));
  if (length < 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==")  ? 2
                              : text.ends_with('=') ? 1
                                                    : 0;
  out.resize(static_cast<std::size_t>(length) - padding);
  return out;
}

}  // namespace

std::optional<Credentials> read_credentials(std::string_view authorization) {
  if (authorization.size() < kScheme.size() ||
      ::strncasecmp(authorization.data(), kScheme.data(), kScheme.size()) !=
          0) {
    return std::nullopt;
  }
  auto text = authorization.substr(kScheme.size());
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const auto decoded = decode_base64(text);
  if (!decoded) return std::nullopt;
  const auto colon = decoded->find(':');
  if (colon == std::string::npos) return std::nullopt;
  return Credentials{decoded->substr(0, colon), decoded->substr(colon + 1)};
}

}  // namespace stillframe::web
