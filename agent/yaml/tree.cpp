// SPDX-License-Identifier: Apache-2.0
#include "agent/yaml/tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <optional>
#include <sstream>

#include "agent/base/text.h"
#include "agent/base/utf8.h"

namespace stillframe {
namespace {

// Such files are written by people: beyond these it is an accident or an
// attack.
constexpr std::size_t kLargest = 256u << 10;
constexpr std::size_t kDeepest = 16;
constexpr std::size_t kMostNodes = 50'000;

Place place_of(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {static_cast<std::size_t>(mark.line) + 1,
          static_cast<std::size_t>(mark.column) + 1};
}

YamlNode leaf(YamlNode::Sort sort, const YAML::Mark& mark,
              const std::string& text = "") {
  return {.sort = sort,
          .place = place_of(mark),
          .text = text,
          .items = {},
          .entries = {}};
}

// Ends the parser's work: the rest of the file would only give errors that
// follow from the first.
struct GiveUp {};

class Builder : public YAML::EventHandler {
 public:
  Builder(std::string_view source, std::vector<Problem>& problems)
      : source_(source), problems_(problems) {}

  // Where the innermost list or map that is still open began.
  std::optional<Place> innermost() const {
    if (stack_.empty()) return std::nullopt;
    return stack_.back().node.place;
  }
  YamlNode take() { return root_ ? std::move(*root_) : YamlNode{}; }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    add(leaf(YamlNode::Sort::null, mark));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    complain(mark,
             "an alias: each line is to be read without looking elsewhere",
             "write the value out");
    add(leaf(YamlNode::Sort::null, mark));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag,
                YAML::anchor_t anchor, const std::string& value) override {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    refuse_open_quote(mark);
    const bool null =
        tag == "?" && (value.empty() || value == "~" || value == "null" ||
                       value == "Null" || value == "NULL");
    add(leaf(null ? YamlNode::Sort::null : YamlNode::Sort::scalar, mark,
             value));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Sort::sequence);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag,
                  YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Sort::map);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    YamlNode node;
    std::optional<YamlNode> key;  // of a map: the one that awaits its value
  };

  void complain(const YAML::Mark& mark, std::string message, std::string hint) {
    const Place place = place_of(mark);
    problems_.push_back(
        {place.line, place.column, std::move(message), std::move(hint), false});
  }
  void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor == 0) return;
    complain(mark, "an anchor: aliases are not understood",
             "write the value out where it is needed");
  }
  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    complain(mark, "a tag: '" + printable(tag) + "'", "leave it out");
  }
  // The parser takes the end of the file for the closing quote.
  void refuse_open_quote(const YAML::Mark& mark) {
    auto at = static_cast<std::size_t>(mark.pos);
    if (mark.is_null() || at >= source_.size()) return;
    const char quote = source_[at];
    if (quote != '"' && quote != '\'') return;
    while (++at < source_.size()) {
      if (source_[at] == '\\' && quote == '"') {
        ++at;
      } else if (source_[at] == quote) {
        return;
      }
    }
    complain(mark, "a quote that is never closed", "close it on this line");
    throw GiveUp{};
  }
  void open(const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor, YamlNode::Sort sort) {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    if (stack_.size() == kDeepest) {
      complain(mark, "nested deeper than 16 levels",
               "no key needs more than six");
      throw GiveUp{};
    }
    YamlNode node;
    node.sort = sort;
    node.place = place_of(mark);
    stack_.push_back({std::move(node), std::nullopt});
  }
  void close() {
    YamlNode node = std::move(stack_.back().node);
    stack_.pop_back();
    add(std::move(node));
  }
  void add(YamlNode node) {
    if (++nodes_ > kMostNodes) {
      problems_.push_back({node.place.line, node.place.column,
                           "more than 50000 values in one file",
                           "write fewer, wider entries", false});
      throw GiveUp{};
    }
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& top = stack_.back();
    if (top.node.sort == YamlNode::Sort::sequence) {
      top.node.items.push_back(std::move(node));
    } else if (!top.key) {
      top.key = std::move(node);
    } else {
      // The parser says where nothing ends, which may be lines further on.
      if (node.sort == YamlNode::Sort::null) node.place = top.key->place;
      top.node.entries.emplace_back(std::move(*top.key), std::move(node));
      top.key.reset();
    }
  }

  std::string_view source_;
  std::vector<Problem>& problems_;
  std::vector<Open> stack_;
  std::optional<YamlNode> root_;
  std::size_t nodes_ = 0;
};

Place place_at(std::string_view text, std::size_t offset) {
  Place place;
  for (const char c : text.substr(0, offset)) {
    if (c == '\n') {
      ++place.line;
      place.column = 1;
    } else {
      ++place.column;
    }
  }
  return place;
}

// The first byte that no YAML file may hold: not UTF-8, or a control character.
std::optional<std::size_t> bad_byte(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const Character c = first_character(text.substr(at));
    const bool control = c.code_point < 0x20 && c.code_point != '\n' &&
                         c.code_point != '\r' && c.code_point != '\t';
    if (c.length == 0 || control || c.code_point == 0x7f) return at;
    at += c.length;
  }
  return std::nullopt;
}

std::string_view line_of(std::string_view text, std::size_t line) {
  while (--line > 0) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

// yaml-cpp's messages end with what people need least.
std::string hint_for(const std::string& message, std::string_view line) {
  const auto blank = line.substr(0, line.find_first_not_of(" \t"));
  if (blank.find('\t') != std::string_view::npos) {
    return "YAML is indented by spaces: there is a tab on this line";
  }
  if (message.find("end of map") != std::string::npos) {
    return "is a line indented by too little or too much, or a ':' missing?";
  }
  if (message.find("map value") != std::string::npos) {
    return "check the indentation; a value that holds ': ' has to be put in "
           "quotes";
  }
  if (message.find("while scanning an alias") != std::string::npos ||
      message.find("anchor") != std::string::npos ||
      message.find("alias") != std::string::npos) {
    return "a pattern that begins with '*' or '&' has to be put in quotes";
  }
  return "check the quotes, brackets and indentation here and on the line "
         "before";
}

}  // namespace

YamlNode read_yaml(std::string_view text, std::vector<Problem>& problems) {
  if (text.size() > kLargest) {
    problems.push_back(
        {1, 1, "larger than 256 KiB", "write fewer, wider entries", false});
    return {};
  }
  if (const auto bad = bad_byte(text)) {
    const Place place = place_at(text, *bad);
    problems.push_back({place.line, place.column,
                        "a byte that is not UTF-8 text",
                        "in a pattern, write ? for such a byte", false});
    return {};
  }
  Builder builder(text, problems);
  try {
    std::istringstream in{std::string(text)};
    YAML::Parser parser(in);
    if (!parser.HandleNextDocument(builder)) return {};
    YamlNode first = builder.take();
    Builder second(text, problems);
    if (parser.HandleNextDocument(second)) {
      const YamlNode more = second.take();
      problems.push_back(
          {more.place.line, more.place.column, "a second document in the file",
           "the file is one document: take the '---' out", false});
    }
    return first;
  } catch (const GiveUp&) {
    return {};  // what was wrong has been noted
  } catch (const YAML::Exception& error) {
    Place place = place_of(error.mark);
    // That a bracket is missing shows at the end of the file.
    if (error.msg.find("flow not found") != std::string::npos) {
      place = builder.innermost().value_or(place);
    }
    problems.push_back({place.line, place.column, printable(error.msg),
                        hint_for(error.msg, line_of(text, place.line)), false});
  }
  return {};
}

}  // namespace stillframe
