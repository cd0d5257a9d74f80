// SPDX-License-Identifier: Apache-2.0
#define TOML_IMPLEMENTATION  // of the whole library, here alone
#include "agent/base/toml.h"

#include <fmt/format.h>

#include "agent/base/text.h"

namespace stillframe {

Result<toml::table> parse_toml(std::string_view text, const std::string& name) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    const auto& at = error.source().begin;
    return tl::unexpected<Error>(
        Error{EBADMSG, fmt::format("{}:{}:{}: {}", printable(name), at.line,
                                   at.column, printable(error.description()))});
  }
}

}  // namespace stillframe
