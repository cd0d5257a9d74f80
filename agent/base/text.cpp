// SPDX-License-Identifier: Apache-2.0
#include "agent/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "agent/base/utf8.h"

namespace stillframe {
namespace {

// Carrier block for bytes that are not UTF-8: the last 256 code points.
constexpr std::uint32_t kCarrier = 0x10FF00;

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

bool is_ascii(char c) { return static_cast<std::uint8_t>(c) < 0x80; }

// The bytes at the beginning of which each `stands` for itself. Most names hold
// no others: they are copied at once.
template <typename Stands>
std::string_view plain_part(std::string_view bytes, Stands stands) {
  const auto end = std::find_if_not(bytes.begin(), bytes.end(), stands);
  return bytes.substr(0, static_cast<std::size_t>(end - bytes.begin()));
}

// Appends `bytes` so that they are printable; `quotes` escapes quotes and
// backslashes too. Whether anything was escaped.
bool append_escaped(std::string& out, std::string_view bytes, bool quotes) {
  bool any = false;
  const auto stands = [&](char c) {
    return c >= ' ' && c <= '~' && !(quotes && (c == '"' || c == '\\'));
  };
  for (std::size_t i = 0; i < bytes.size();) {
    const std::string_view plain = plain_part(bytes.substr(i), stands);
    out.append(plain);
    i += plain.size();
    if (i == bytes.size()) break;
    const Character d = first_character(bytes.substr(i));
    const std::size_t length = d.length == 0 ? 1 : d.length;
    std::string escape;
    if (d.length == 0) {
      escape = fmt::format("\\x{:02x}", static_cast<std::uint8_t>(bytes[i]));
    } else if (d.length == 1) {
      escape = ascii_escape(static_cast<std::uint8_t>(d.code_point), quotes);
    } else if (is_deceptive(d.code_point)) {
      escape = d.code_point > 0xFFFF ? fmt::format("\\U{:08x}", d.code_point)
                                     : fmt::format("\\u{:04x}", d.code_point);
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
    const std::string_view plain = plain_part(bytes.substr(i), is_ascii);
    out.append(plain);
    i += plain.size();
    if (i == bytes.size()) break;
    const Character d = first_character(bytes.substr(i));
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
    const std::string_view plain = plain_part(text.substr(i), is_ascii);
    out.append(plain);
    i += plain.size();
    if (i == text.size()) break;
    const Character d = first_character(text.substr(i));
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

std::optional<nlohmann::json> parse_json(std::string_view text) {
  constexpr std::string_view kByte = "\\udc";
  constexpr std::size_t kEscape = 6;  // \uXXXX
  const auto is_high = [](std::string_view escape) {
    return starts_with(escape, "\\ud") && escape.size() > 3 &&
           std::string_view("89ab").find(escape[3]) != std::string_view::npos;
  };
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    // Up to the next escape all stays as it is.
    const std::size_t plain = std::min(text.find('\\'), text.size());
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    std::size_t size = 2;
    if (is_high(text)) {
      size = 2 * kEscape;
    } else if (starts_with(text, kByte) && text.size() >= kEscape) {
      out += "\\udbff\\udf";
      text.remove_prefix(kByte.size());
    }
    size = std::min(size, text.size());
    out += text.substr(0, size);
    text.remove_prefix(size);
  }
  auto value = nlohmann::json::parse(out, nullptr, false);
  if (value.is_discarded()) return std::nullopt;
  return value;
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
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
