// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/config_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "agent/base/text.h"

namespace stillframe::cli {
namespace {

constexpr std::string_view kBlank = " \t\r";

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  const auto last = text.find_last_not_of(kBlank);
  return text.substr(first, last - first + 1);
}

// Reads the values at the right of a '='.
class ValueReader {
 public:
  explicit ValueReader(std::string_view text) : rest_(trim(text)) {}

  Result<std::vector<std::string>> read() {
    std::vector<std::string> values;
    if (!take('[')) {
      auto value = one();
      if (!value) return tl::unexpected<Error>(value.error());
      values.push_back(std::move(*value));
    } else {
      while (!take(']')) {
        auto value = one();
        if (!value) return tl::unexpected<Error>(value.error());
        values.push_back(std::move(*value));
        if (take(',')) continue;
        if (!take(']')) return fail("an array ends with ']' on its line");
        break;
      }
    }
    if (!rest_.empty() && rest_[0] != '#') {
      return fail("unexpected text after the value: " + printable(rest_));
    }
    return values;
  }

 private:
  bool take(char c) {
    rest_ = trim(rest_);
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  Result<std::string> one() {
    rest_ = trim(rest_);
    if (rest_.empty() || rest_[0] == '#') return fail("a value is missing");
    if (rest_[0] == '"' || rest_[0] == '\'') return quoted();
    const auto end = std::min(rest_.find_first_of(",]# \t"), rest_.size());
    if (end == 0) return fail("a value is missing");
    std::string value(rest_.substr(0, end));
    rest_ = trim(rest_.substr(end));
    return value;
  }

  // "…" knows \" and \\; '…' is literal.
  Result<std::string> quoted() {
    const char quote = rest_[0];
    std::string value;
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == quote) {
        rest_ = trim(rest_.substr(i + 1));
        return value;
      }
      if (quote == '"' && rest_[i] == '\\') {
        ++i;
        if (i == rest_.size()) break;
        if (rest_[i] != '"' && rest_[i] != '\\') {
          return fail("only \\\" and \\\\ are escapes here");
        }
      }
      value += rest_[i];
    }
    return fail("the quote is never closed");
  }

  std::string_view rest_;
};

bool is_key(std::string_view key) {
  return !key.empty() && key.find_first_not_of(
                             "abcdefghijklmnopqrstuvwxyz"
                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") ==
                             std::string_view::npos;
}

// "[web]" -> "web."; nothing when it is no section's heading.
std::optional<std::string> section_prefix(std::string_view line) {
  const auto end = line.find(']');
  if (line[0] != '[' || end == std::string_view::npos) return std::nullopt;
  const auto after = trim(line.substr(end + 1));
  const auto name = trim(line.substr(1, end - 1));
  if (!is_key(name) || (!after.empty() && after[0] != '#')) return std::nullopt;
  return std::string(name) + '.';
}

}  // namespace

Result<std::vector<ConfigEntry>> parse_config(std::string_view text,
                                              const std::string& name) {
  std::vector<ConfigEntry> entries;
  std::set<std::string> keys;
  std::string prefix;
  std::size_t number = 0;
  const auto bad = [&](const std::string& why) {
    return fail(fmt::format("{}:{}: {}", printable(name), number, why));
  };
  for (const auto& raw : split(text, '\n')) {
    ++number;
    const std::string_view line = trim(raw);
    if (line.empty() || line[0] == '#') continue;
    if (line[0] == '[') {
      const auto section = section_prefix(line);
      if (!section) return bad("not a section: " + printable(line));
      prefix = *section;
      continue;
    }
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) {
      return bad("neither 'key = value' nor '[section]': " + printable(line));
    }
    const auto key = trim(line.substr(0, equals));
    if (!is_key(key)) return bad("not a key: '" + printable(key) + "'");
    auto values = ValueReader(line.substr(equals + 1)).read();
    if (!values) return bad(values.error().message);
    ConfigEntry entry{.key = prefix + std::string(key),
                      .values = std::move(*values),
                      .line = number};
    if (!keys.insert(entry.key).second) {
      return bad("'" + entry.key + "' is set twice");
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::string quote_config(std::string_view value) {
  std::string out = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace stillframe::cli
