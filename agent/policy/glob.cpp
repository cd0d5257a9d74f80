// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/glob.h"

#include <algorithm>
#include <optional>

#include "agent/base/text.h"

namespace stillframe::policy {
namespace {

constexpr std::size_t kLongest = 1024;
constexpr std::string_view kSpecial = "*?[]{}\\";

tl::unexpected<Error> wrong(std::size_t at, std::string message) {
  return tl::unexpected<Error>(Error{static_cast<int>(at), std::move(message)});
}

// The components of a path one after the other, without making a list.
class Components {
 public:
  explicit Components(std::string_view path) : path_(path) {}
  // Where the component after `at` begins; npos at the end.
  std::size_t first() const { return path_.size() > 1 ? 1 : npos; }
  std::size_t after(std::size_t at) const {
    const auto slash = path_.find('/', at);
    return slash == npos ? npos : slash + 1;
  }
  std::string_view at(std::size_t begin) const {
    return path_.substr(begin, path_.find('/', begin) - begin);
  }
  static constexpr auto npos = std::string_view::npos;

 private:
  std::string_view path_;
};

bool climbs(std::string_view path) {
  return path.find("/../") != std::string_view::npos || ends_with(path, "/..");
}

}  // namespace

// `at` is just behind the opening bracket; returns where the set ends.
Result<std::size_t> Wildcard::add_set(std::string_view pattern,
                                      std::size_t at) {
  const std::size_t opened = at - 1;
  std::bitset<256> set;
  bool negated = false;
  if (at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^')) {
    negated = true;
    ++at;
  }
  const std::size_t begin = at;
  const auto next = [&]() -> std::optional<unsigned char> {
    if (at < pattern.size() && pattern[at] == '\\') ++at;
    if (at >= pattern.size()) return std::nullopt;
    return static_cast<unsigned char>(pattern[at++]);
  };
  while (at < pattern.size() && (pattern[at] != ']' || at == begin)) {
    const std::size_t here = at;
    const auto low = next();
    if (!low) break;
    auto high = low;
    if (at + 1 < pattern.size() && pattern[at] == '-' &&
        pattern[at + 1] != ']') {
      ++at;
      high = next();
      if (!high) break;
      if (*high < *low) return wrong(here, "a range that goes backwards");
    }
    for (unsigned byte = *low; byte <= *high; ++byte) set.set(byte);
  }
  if (at >= pattern.size()) return wrong(opened, "'[' without its ']'");
  if (negated) set.flip();
  tokens_.push_back({Sort::set, 0, static_cast<std::uint16_t>(sets_.size())});
  sets_.push_back(set);
  return at + 1;
}

Result<Wildcard> Wildcard::compile(std::string_view pattern) {
  if (pattern.size() > kLongest) {
    return wrong(kLongest, "a pattern of more than 1024 bytes");
  }
  Wildcard out;
  std::size_t at = 0;
  while (at < pattern.size()) {
    const char c = pattern[at];
    switch (c) {
      case '*':
        if (out.tokens_.empty() || out.tokens_.back().sort != Sort::star) {
          out.tokens_.push_back({Sort::star, 0, 0});
        }
        ++at;
        break;
      case '?':
        out.tokens_.push_back({Sort::one, 0, 0});
        ++at;
        break;
      case '[': {
        const auto end = out.add_set(pattern, at + 1);
        if (!end) return tl::unexpected<Error>(end.error());
        at = *end;
        break;
      }
      case '{':
      case '}':
        return wrong(at, "braces are not understood");
      case '\\':
        if (++at == pattern.size()) {
          return wrong(at - 1, "'\\' with nothing behind it");
        }
        [[fallthrough]];
      default:
        out.tokens_.push_back(
            {Sort::byte, static_cast<unsigned char>(pattern[at]), 0});
        out.text_ += pattern[at++];
    }
  }
  for (const auto& token : out.tokens_) {
    if (token.sort != Sort::byte) out.literal_ = false;
  }
  out.any_ = out.tokens_.size() == 1 && out.tokens_[0].sort == Sort::star;
  return out;
}

bool Wildcard::fits(const Token& token, unsigned char byte) const {
  switch (token.sort) {
    case Sort::byte:
      return token.byte == byte;
    case Sort::one:
      return true;
    case Sort::set:
      return sets_[token.set].test(byte);
    case Sort::star:
      break;
  }
  return false;
}

bool Wildcard::matches(std::string_view text) const {
  if (literal_) return text == text_;
  if (any_) return true;
  constexpr auto kNone = std::string_view::npos;
  std::size_t at = 0;
  std::size_t token = 0;
  std::size_t star = kNone;  // the last one seen: the one to stretch
  std::size_t star_at = 0;
  while (at < text.size()) {
    if (token < tokens_.size() && tokens_[token].sort == Sort::star) {
      star = token++;
      star_at = at;
    } else if (token < tokens_.size() &&
               fits(tokens_[token], static_cast<unsigned char>(text[at]))) {
      ++token;
      ++at;
    } else if (star != kNone) {
      token = star + 1;
      at = ++star_at;
    } else {
      return false;
    }
  }
  while (token < tokens_.size() && tokens_[token].sort == Sort::star) ++token;
  return token == tokens_.size();
}

Result<TextGlob> TextGlob::compile(std::string_view pattern) {
  auto wildcard = Wildcard::compile(pattern);
  if (!wildcard) return tl::unexpected<Error>(wildcard.error());
  TextGlob out;
  out.pattern_ = pattern;
  out.wildcard_ = std::move(*wildcard);
  return out;
}

bool TextGlob::covers(const TextGlob& other) const {
  return wildcard_.any() || pattern_ == other.pattern_ ||
         (other.literal() && !literal() && matches(other.pattern_));
}

Result<PathGlob> PathGlob::compile(std::string_view pattern) {
  if (pattern.empty() || pattern[0] != '/') {
    return wrong(0, "a path has to be absolute");
  }
  if (pattern.size() > kLongest) {
    return wrong(kLongest, "a pattern of more than 1024 bytes");
  }
  if (pattern.find('\0') != std::string_view::npos) {
    return wrong(pattern.find('\0'), "no path holds a byte 0");
  }
  PathGlob out;
  out.pattern_ = pattern;
  std::size_t begin = 1;
  while (begin <= pattern.size() && pattern.size() > 1) {
    const auto end = std::min(pattern.find('/', begin), pattern.size());
    const auto part = pattern.substr(begin, end - begin);
    if (part.empty()) {
      return wrong(begin - 1, end == pattern.size()
                                  ? "a path does not end with a slash"
                                  : "two slashes in a row");
    }
    if (part == "." || part == "..") {
      return wrong(begin, "a path does not hold '" + std::string(part) + "'");
    }
    Component component;
    component.pattern = part;
    if (part == "**") {
      component.any_number = true;
    } else if (part.find("**") != std::string_view::npos) {
      return wrong(begin + part.find("**"),
                   "'**' has to be a full component of the path");
    } else {
      auto wildcard = Wildcard::compile(part);
      if (!wildcard) {
        return wrong(begin + static_cast<std::size_t>(wildcard.error().code),
                     wildcard.error().message);
      }
      component.wildcard = std::move(*wildcard);
    }
    out.components_.push_back(std::move(component));
    begin = end + 1;
  }
  return out;
}

bool PathGlob::matches(std::string_view path) const {
  if (path.empty() || path[0] != '/' || climbs(path)) return false;
  constexpr auto kNone = Components::npos;
  const Components parts(path);
  std::size_t at = parts.first();
  std::size_t wanted = 0;
  std::size_t stretch = kNone;  // the last ** seen
  std::size_t stretch_at = kNone;
  while (at != kNone) {
    if (wanted < components_.size() && components_[wanted].any_number) {
      stretch = wanted++;
      stretch_at = at;
      if (wanted == components_.size()) return true;
    } else if (wanted < components_.size() &&
               components_[wanted].wildcard.matches(parts.at(at))) {
      ++wanted;
      at = parts.after(at);
    } else if (stretch != kNone) {
      wanted = stretch + 1;
      at = stretch_at = parts.after(stretch_at);
    } else {
      return false;
    }
  }
  while (wanted < components_.size() && components_[wanted].any_number) {
    ++wanted;
  }
  return wanted == components_.size();
}

bool PathGlob::covers(const PathGlob& other) const {
  if (pattern_ == other.pattern_) return true;
  if (components_.empty() || !components_.back().any_number) {
    return false;
  }
  const std::size_t own = components_.size() - 1;
  if (other.components_.size() < own) return false;
  for (std::size_t i = 0; i < own; ++i) {
    const auto& mine = components_[i];
    const auto& theirs = other.components_[i];
    if (mine.any_number || theirs.any_number) return false;
    const bool same = mine.pattern == theirs.pattern || mine.wildcard.any();
    if (!same) return false;
  }
  return true;
}

std::string escape_glob(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (kSpecial.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace stillframe::policy
