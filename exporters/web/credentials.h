// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stillframe::web {

struct Credentials {
  std::string user;
  std::string password;
};

// Of an Authorization header, by RFC 7617. Nothing: it holds none of this kind.
std::optional<Credentials> read_credentials(std::string_view authorization);

}  // namespace stillframe::web
