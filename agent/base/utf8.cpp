// SPDX-License-Identifier: Apache-2.0
#include "agent/base/utf8.h"

#include <utf8proc.h>

#include <algorithm>

namespace stillframe {
namespace {

constexpr std::size_t kLongest = 4;

}  // namespace

Character first_character(std::string_view text) {
  const std::string_view head = text.substr(0, kLongest);
  utf8proc_int32_t code_point = -1;
  const auto length = ::utf8proc_iterate(
      reinterpret_cast<const utf8proc_uint8_t*>(head.data()),
      static_cast<utf8proc_ssize_t>(head.size()), &code_point);
  if (length <= 0 || code_point < 0) return {};
  return {static_cast<std::uint32_t>(code_point),
          static_cast<std::size_t>(length)};
}

void append_utf8(std::string& out, std::uint32_t code_point) {
  utf8proc_uint8_t bytes[kLongest];
  const auto length =
      ::utf8proc_encode_char(static_cast<utf8proc_int32_t>(code_point), bytes);
  out.append(reinterpret_cast<const char*>(bytes),
             static_cast<std::size_t>(length));
}

std::string_view cut_utf8(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text;
  for (std::size_t back = 1; back < std::min(kLongest, limit + 1); ++back) {
    const std::size_t length =
        first_character(text.substr(limit - back)).length;
    if (length == 0) continue;  // within one, or not UTF-8 at all
    return text.substr(0, length > back ? limit - back : limit);
  }
  return text.substr(0, limit);
}

std::size_t character_columns(std::uint32_t code_point) {
  const int columns =
      ::utf8proc_charwidth(static_cast<utf8proc_int32_t>(code_point));
  return static_cast<std::size_t>(std::max(columns, 0));
}

bool is_deceptive(std::uint32_t code_point) {
  switch (::utf8proc_category(static_cast<utf8proc_int32_t>(code_point))) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return true;
    default:
      return false;
  }
}

}  // namespace stillframe
