// SPDX-License-Identifier: Apache-2.0
//
// Patterns over bytes, compiled once. Matching keeps one place to go back to at
// each level (within a component, and among components), so that it takes at
// most the product of the two lengths whatever path a container makes up.
#pragma once

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace stillframe::policy {

// `*` any bytes, `?` one byte, `[a-z]` `[!a-z]` one of a set, `\x` x itself.
class Wildcard {
 public:
  // The error's code is the offset at which the pattern goes wrong.
  static Result<Wildcard> compile(std::string_view pattern);

  bool matches(std::string_view text) const;
  bool literal() const { return literal_; }  // no wildcards
  bool any() const { return any_; }          // just `*`

 private:
  enum class Sort : std::uint8_t { byte, one, set, star };
  struct Token {
    Sort sort = Sort::byte;
    unsigned char byte = 0;
    std::uint16_t set = 0;  // index in sets_
  };
  Result<std::size_t> add_set(std::string_view pattern, std::size_t at);
  bool fits(const Token& token, unsigned char byte) const;

  std::vector<Token> tokens_;
  std::vector<std::bitset<256>> sets_;
  std::string text_;  // where literal: what it stands for
  bool literal_ = true;
  bool any_ = false;
};

// A pattern for the values of `match`: `*` takes slashes too.
class TextGlob {
 public:
  static Result<TextGlob> compile(std::string_view pattern);
  bool matches(std::string_view text) const { return wildcard_.matches(text); }
  // Whether all that `other` matches is matched by this; false when in doubt.
  bool covers(const TextGlob& other) const;
  bool literal() const { return wildcard_.literal(); }
  const std::string& pattern() const { return pattern_; }

 private:
  std::string pattern_;
  Wildcard wildcard_;
};

// A pattern for absolute paths: wildcards stay within a component, and a
// component `**` stands for any number of them, none included: `/tmp/**` is
// /tmp and all below it.
class PathGlob {
 public:
  static Result<PathGlob> compile(std::string_view pattern);
  // A path with a component ".." matches nothing: it may lead anywhere.
  bool matches(std::string_view path) const;
  bool covers(const PathGlob& other) const;
  const std::string& pattern() const { return pattern_; }

 private:
  struct Component {
    bool any_number = false;  // **
    std::string pattern;
    Wildcard wildcard;
  };
  std::string pattern_;
  std::vector<Component> components_;
};

// `text` as a pattern that matches it alone.
std::string escape_glob(std::string_view text);

}  // namespace stillframe::policy
