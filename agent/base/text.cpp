// SPDX-License-Identifier: Apache-2.0
#include "agent/base/text.h"

#include <fmt/format.h>

#include <cctype>
#include <cstdint>
#include <nlohmann/json.hpp>

namespace stillframe {
namespace {

// Carrier block for bytes that are not UTF-8: the last 256 code points.
constexpr std::uint32_t kCarrier = 0x10FF00;

struct Decoded {
  std::uint32_t code_point = 0;
  std::size_t length = 0;  // 0: not valid UTF-8 here
};

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
Decoded decode_utf8(std::string_view s) {
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint8_t>(s[i]);
  };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  std::size_t length = 0;
  std::uint32_t code_point = 0;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
    code_point = lead & 0x1Fu;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    code_point = lead & 0x0Fu;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    code_point = lead & 0x07u;
  } else {
    return {};
  }
  if (s.size() < length) return {};
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0u) != 0x80u) return {};
    code_point = (code_point << 6) | (byte(i) & 0x3Fu);
  }
  if (length == 3 && code_point < 0x800) return {};
  if (length == 4 && (code_point < 0x10000 || code_point > 0x10FFFF)) return {};
  if (code_point >= 0xD800 && code_point <= 0xDFFF) return {};
  return {code_point, length};
}

// C1 controls, and the bidirectional and zero-width characters with which a
// name can disguise itself on a terminal.
bool is_deceptive(std::uint32_t c) {
  return (c >= 0x80 && c <= 0x9F) || (c >= 0x200B && c <= 0x200F) ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) ||
         c == 0xFEFF;
}

void append_utf8(std::string& out, std::uint32_t c) {
  out += static_cast<char>(0xF0u | (c >> 18));
  out += static_cast<char>(0x80u | ((c >> 12) & 0x3Fu));
  out += static_cast<char>(0x80u | ((c >> 6) & 0x3Fu));
  out += static_cast<char>(0x80u | (c & 0x3Fu));
}

// The escape of an ASCII character that needs one, else nothing.
std::string ascii_escape(std::uint8_t byte, bool quotes) {
  if (byte == '\n') return "\\n";
  if (byte == '\t') return "\\t";
  if (byte == '\r') return "\\r";
  if (byte < 0x20 || byte == 0x7F) return fmt::format("\\x{:02x}", byte);
  if (quotes && (byte == '"' || byte == '\\')) {
    return {'\\', static_cast<char>(byte)};
  }
  return {};
}

// Appends `bytes` so that they are printable; `quotes` escapes quotes and
// backslashes too. Whether anything was escaped.
bool append_escaped(std::string& out, std::string_view bytes, bool quotes) {
  bool any = false;
  for (std::size_t i = 0; i < bytes.size();) {
    const Decoded d = decode_utf8(bytes.substr(i));
    const std::size_t length = d.length == 0 ? 1 : d.length;
    std::string escape;
    if (d.length == 0) {
      escape = fmt::format("\\x{:02x}", static_cast<std::uint8_t>(bytes[i]));
    } else if (d.length == 1) {
      escape = ascii_escape(static_cast<std::uint8_t>(d.code_point), quotes);
    } else if (is_deceptive(d.code_point)) {
      escape = fmt::format("\\u{:04x}", d.code_point);
    }
    if (escape.empty()) {
      out.append(bytes.substr(i, length));
    } else {
      out += escape;
      any = true;
    }
    i += length;
  }
  return any;
}

}  // namespace

std::string display(std::string_view bytes) {
  std::string out;
  if (!append_escaped(out, bytes, true)) return out;
  return '"' + out + '"';
}

std::string printable(std::string_view bytes) {
  std::string out;
  append_escaped(out, bytes, false);
  return out;
}

std::string json_text(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (std::size_t i = 0; i < bytes.size();) {
    const Decoded d = decode_utf8(bytes.substr(i));
    if (d.length == 0) {
      append_utf8(out, kCarrier + static_cast<std::uint8_t>(bytes[i]));
      ++i;
    } else if (d.code_point >= kCarrier) {
      for (std::size_t k = 0; k < d.length; ++k) {
        append_utf8(out, kCarrier + static_cast<std::uint8_t>(bytes[i + k]));
      }
      i += d.length;
    } else {
      out.append(bytes.substr(i, d.length));
      i += d.length;
    }
  }
  return out;
}

std::string json_bytes(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const Decoded d = decode_utf8(text.substr(i));
    if (d.length == 0) {
      out += text[i];
      ++i;
    } else if (d.code_point >= kCarrier) {
      out += static_cast<char>(d.code_point - kCarrier);
      i += d.length;
    } else {
      out.append(text.substr(i, d.length));
      i += d.length;
    }
  }
  return out;
}

std::string dump_json(const nlohmann::json& value, int indent) {
  // With ensure_ascii the carrier block appears as \udbff\udfXX, where XX is
  // the byte. A backslash in the data is itself escaped, so a match that starts
  // at an unescaped backslash is always ours.
  std::string text =
      value.dump(indent, ' ', true, nlohmann::json::error_handler_t::replace);
  constexpr std::string_view kHigh = "\\udbff\\udf";
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] != '\\') {
      out += text[i++];
    } else if (text.compare(i, kHigh.size(), kHigh) == 0 &&
               i + kHigh.size() + 2 <= text.size()) {
      out += "\\udc";
      out.append(text, i + kHigh.size(), 2);
      i += kHigh.size() + 2;
    } else {
      out.append(text, i, 2);
      i += 2;
    }
  }
  return out;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const auto at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

bool ends_with(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() &&
         text.substr(text.size() - suffix.size()) == suffix;
}

bool is_hex(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    if (std::isxdigit(static_cast<unsigned char>(c)) == 0) return false;
  }
  return true;
}

std::string to_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

}  // namespace stillframe
