// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <charconv>
#include <string>
#include <string_view>
#include <utility>

namespace stillframe::jsonl {

// An object as one line, written as dump_json() would write it but without a
// value of it in between: of changes there may be a hundred thousand. Names are
// plain, and come in the order of the alphabet.
class ObjectLine {
 public:
  void text(std::string_view name, std::string_view bytes) {
    add_text(member(name), bytes);
  }
  // Null where there is none.
  void text_if_any(std::string_view name, std::string_view bytes) {
    if (bytes.empty()) {
      json(name, "null");
    } else {
      text(name, bytes);
    }
  }
  template <typename T>
  void number(std::string_view name, T value) {
    std::array<char, 24> digits;
    const auto end =
        std::to_chars(digits.data(), digits.data() + digits.size(), value);
    member(name).append(digits.data(), end.ptr);
  }
  void boolean(std::string_view name, bool value) {
    json(name, value ? "true" : "false");
  }
  template <typename Texts>
  void texts(std::string_view name, const Texts& all) {
    member(name) += '[';
    for (bool first = true; const auto& one : all) {
      if (!std::exchange(first, false)) line_ += ',';
      add_text(line_, one);
    }
    line_ += ']';
  }
  // `written`: JSON.
  void json(std::string_view name, std::string_view written) {
    member(name) += written;
  }

  std::string end() && { return std::move(line_ += '}'); }

 private:
  static void add_text(std::string& out, std::string_view bytes);
  std::string& member(std::string_view name) {
    if (line_.size() > 1) line_ += ',';
    return line_.append(1, '"').append(name).append("\":");
  }

  std::string line_ = "{";
};

}  // namespace stillframe::jsonl
