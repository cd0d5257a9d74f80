// SPDX-License-Identifier: Apache-2.0
//
// What readers of configuration in YAML share: they go over a whole file and
// note all that is wrong in it, each with its place.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/yaml/tree.h"

namespace stillframe {

// The text in single quotes, printable.
std::string in_quotes(std::string_view text);

class YamlReader {
 public:
  using Names = std::span<const std::string_view>;

  // `problems` outlives it.
  explicit YamlReader(std::vector<Problem>& problems) : problems_(problems) {}

  std::vector<Problem>& problems() { return problems_; }
  void wrong(Place place, std::string message, std::string hint);
  void wrong_type(const YamlNode& node, std::string_view what,
                  std::string_view wanted);
  bool is_map(const YamlNode& node, std::string_view what);
  // The value of each key that is known; complains about all others, with
  // `hints` where they have one for the key.
  struct KeyHint {
    std::string_view key;
    std::string_view hint;
  };
  std::vector<std::pair<std::string_view, const YamlNode*>> fields(
      const YamlNode& map, Names known, std::string_view where,
      std::span<const KeyHint> hints = {});
  // Null: it is none.
  const std::string* text(const YamlNode& node, std::string_view what);
  // A text or a list of texts, not empty.
  std::vector<const YamlNode*> texts(const YamlNode& node,
                                     std::string_view what,
                                     bool may_be_empty = false);

 private:
  std::vector<Problem>& problems_;
};

}  // namespace stillframe
