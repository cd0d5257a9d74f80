// SPDX-License-Identifier: Apache-2.0
//
// YAML as a tree in which every node knows its place in the file. Made from the
// parser's events rather than from yaml-cpp's own nodes: those take a repeated
// key, an alias and a quoted number without a word.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace stillframe::policy {

// What is wrong in a file, and where. Lines and columns count from 1, columns
// in bytes.
struct Problem {
  std::size_t line = 1;
  std::size_t column = 1;
  std::string message;
  std::string hint;  // what to do about it; empty: the message says it
  bool warning = false;
};

struct Place {
  std::size_t line = 1;
  std::size_t column = 1;
};

struct YamlEntry;

struct YamlNode {
  enum class Sort { null, scalar, sequence, map };
  Sort sort = Sort::null;
  Place place;
  std::string text;                // of a scalar
  std::vector<YamlNode> items;     // of a sequence
  std::vector<YamlEntry> entries;  // of a map
};

struct YamlEntry {
  YamlNode key;
  YamlNode value;
};

// The one document in `text`. On errors `problems` grows and the tree holds
// what could be read.
YamlNode read_yaml(std::string_view text, std::vector<Problem>& problems);

}  // namespace stillframe::policy
