// SPDX-License-Identifier: Apache-2.0
#define TOML_IMPLEMENTATION  // of the whole library, here alone
// Its parser asserts that a key begins as keys do before it looks whether it
// does, and refuses it, so that "[[=" would end a program built with assertions
// (toml++ 3.4; mended by its pull request 301). Where NDEBUG is defined the
// same assertion is a promise to the compiler, which must not be made either.
#undef NDEBUG
#define TOML_ASSERT(expression) static_assert(true)
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
