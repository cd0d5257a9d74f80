// SPDX-License-Identifier: Apache-2.0
#include "agent/yaml/reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/base/suggestion.h"
#include "agent/base/text.h"

namespace stillframe {
namespace {

using Sort = YamlNode::Sort;

std::string_view name_of(Sort sort) {
  switch (sort) {
    case Sort::null:
      return "nothing";
    case Sort::scalar:
      return "a text";
    case Sort::sequence:
      return "a list";
    case Sort::map:
      break;
  }
  return "a map";
}

}  // namespace

std::string in_quotes(std::string_view text) {
  return "'" + printable(text) + "'";
}

void YamlReader::wrong(Place place, std::string message, std::string hint) {
  problems_.push_back(
      {place.line, place.column, std::move(message), std::move(hint), false});
}

void YamlReader::wrong_type(const YamlNode& node, std::string_view what,
                            std::string_view wanted) {
  wrong(node.place, fmt::format("{} is {}", what, name_of(node.sort)),
        fmt::format("it has to be {}", wanted));
}

bool YamlReader::is_map(const YamlNode& node, std::string_view what) {
  if (node.sort == Sort::map) return true;
  wrong_type(node, what, "a map: 'key: value'");
  return false;
}

std::vector<std::pair<std::string_view, const YamlNode*>> YamlReader::fields(
    const YamlNode& map, Names known, std::string_view where,
    std::span<const KeyHint> hints) {
  std::vector<std::pair<std::string_view, const YamlNode*>> out;
  for (const auto& [key, value] : map.entries) {
    if (key.sort != Sort::scalar) {
      wrong_type(key, "a key", "a word");
      continue;
    }
    const auto found = std::find(known.begin(), known.end(), key.text);
    if (found == known.end()) {
      const auto hint =
          std::find_if(hints.begin(), hints.end(),
                       [&](const KeyHint& h) { return h.key == key.text; });
      wrong(key.place,
            fmt::format("unknown key {} in {}", in_quotes(key.text), where),
            hint != hints.end() ? std::string(hint->hint)
                                : suggestion(key.text, known));
      continue;
    }
    const bool again = std::any_of(out.begin(), out.end(), [&](const auto& f) {
      return f.first == *found;
    });
    if (again) {
      wrong(key.place,
            fmt::format("{} is given twice in {}", in_quotes(key.text), where),
            "keep one of them");
      continue;
    }
    out.emplace_back(*found, &value);
  }
  return out;
}

const std::string* YamlReader::text(const YamlNode& node,
                                    std::string_view what) {
  if (node.sort == Sort::scalar) return &node.text;
  wrong_type(node, what, "a text");
  return nullptr;
}

std::vector<const YamlNode*> YamlReader::texts(const YamlNode& node,
                                               std::string_view what,
                                               bool may_be_empty) {
  std::vector<const YamlNode*> out;
  if (node.sort == Sort::scalar) return {&node};
  if (node.sort != Sort::sequence) {
    wrong_type(node, what, "a text or a list of texts");
    return out;
  }
  if (node.items.empty() && !may_be_empty) {
    wrong(node.place, fmt::format("{} is an empty list", what),
          "leave it out, or put something in");
  }
  for (const auto& item : node.items) {
    if (text(item, fmt::format("an item of {}", what)) != nullptr) {
      out.push_back(&item);
    }
  }
  return out;
}

}  // namespace stillframe
