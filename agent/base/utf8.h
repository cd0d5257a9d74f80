// SPDX-License-Identifier: Apache-2.0
//
// Characters of untrusted text, by RFC 3629: no overlong forms, no surrogates,
// nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace stillframe {

struct Character {
  std::uint32_t code_point = 0;
  std::size_t length = 0;  // in bytes; 0: no UTF-8 begins here
};

// The first one of a text that is not empty.
Character first_character(std::string_view text);

void append_utf8(std::string& out, std::uint32_t code_point);

// At most `limit` bytes, not cutting a character.
std::string_view cut_utf8(std::string_view text, std::size_t limit);

// Columns on a terminal: 0 to 2. wcwidth(3) would make this depend on the
// locale of a service.
std::size_t character_columns(std::uint32_t code_point);

// Controls, line separators, and the bidirectional and zero-width characters
// with which a name can disguise itself on a terminal.
bool is_deceptive(std::uint32_t code_point);

}  // namespace stillframe
