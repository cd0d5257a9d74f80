// SPDX-License-Identifier: Apache-2.0
//
// YAML as a tree in which every node knows its place in the file. Made from the
// parser's events rather than from yaml-cpp's own nodes: those take a repeated
// key, an alias and a quoted number without a word.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/yaml/problem.h"

namespace stillframe {

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

}  // namespace stillframe
