// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <set>

#include "agent/base/file.h"
#include "agent/base/sha256.h"
#include "agent/base/suggestion.h"
#include "agent/base/text.h"
#include "agent/model/runtime.h"
#include "agent/policy/dates.h"
#include "agent/yaml/reader.h"

namespace stillframe::policy {
namespace {

using Names = YamlReader::Names;
using Sort = YamlNode::Sort;

constexpr std::array<std::string_view, 3> kTopKeys = {"version", "scratch",
                                                      "rules"};
constexpr std::array<std::string_view, 2> kScratchKeys = {"extend", "replace"};
constexpr std::array<std::string_view, 6> kRuleKeys = {
    "name", "match", "allow", "violation", "reason", "expires"};
constexpr std::array<std::string_view, 7> kMatchKeys = {
    "namespace", "pod", "workload", "image", "name", "labels", "runtime"};
constexpr std::array<std::string_view, 4> kEntryKeys = {"class", "kind",
                                                        "origin", "path"};
// The contract: a tool's name describes and grants nothing.
constexpr std::array<YamlReader::KeyHint, 1> kEntryHints = {
    {{"tool",
      "a tool's name grants nothing, for anybody can copy sh to apt: use "
      "origin or path"}}};
constexpr std::array<KeySet, 5> kKeySets = {{{"the file", kTopKeys},
                                             {"scratch", kScratchKeys},
                                             {"a rule", kRuleKeys},
                                             {"match", kMatchKeys},
                                             {"an entry", kEntryKeys}}};
constexpr std::size_t kMaxRules = 1000;
constexpr std::size_t kLongestName = 64;

// A rule as it was read, and where its parts stand.
struct Drafted {
  Rule rule;
  Place place;  // of its name, else of the rule
  std::vector<Place> allow;
  std::vector<Place> violation;
  bool sound = true;  // nothing is wrong in it: worth comparing with others
};

class Reader : private YamlReader {
 public:
  Reader(std::vector<Problem>& problems, WallTime now)
      : YamlReader(problems), now_(now) {}
  Policy read(const YamlNode& root);

 private:
  void read_version(const YamlNode& node);
  void read_scratch(const YamlNode& node);
  void read_rules(const YamlNode& node);
  void read_rule(const YamlNode& node);
  void read_name(const YamlNode& node, Drafted& drafted);
  void read_expiry(const YamlNode& node, Rule& rule);
  Match read_match(const YamlNode& node);
  void read_labels(const YamlNode& node, Match& match);
  void read_runtime(const YamlNode& node, Match& match);
  std::vector<TextGlob> text_globs(const YamlNode& node, std::string_view what);
  std::vector<PathGlob> path_globs(const YamlNode& node, std::string_view what,
                                   bool may_be_empty = false);
  std::optional<PathGlob> path_glob(const YamlNode& node);
  std::vector<Entry> read_entries(const YamlNode& node, std::string_view what,
                                  std::vector<Place>& places);
  Entry read_entry(const YamlNode& node, bool allow);
  Words read_words(const YamlNode& node, std::string_view what, Names names);
  void check_kinds(const Entry& entry, const YamlNode* classes,
                   const YamlNode& kinds, bool allow);
  void check_scratch(const Entry& entry, const YamlNode& paths);
  void check_within(const Drafted& drafted);
  void check_shadow(std::size_t index);

  WallTime now_;
  std::vector<PathGlob> scratch_ = built_in_scratch();
  std::vector<Drafted> rules_;
};

Policy Reader::read(const YamlNode& root) {
  if (root.sort == Sort::null) {
    wrong(root.place, "the file holds no policy", "begin it with 'version: 1'");
    return {};
  }
  if (!is_map(root, "the file")) return {};
  const auto found = fields(root, kTopKeys, "the file");
  const auto value = [&](std::string_view key) -> const YamlNode* {
    for (const auto& [name, node] : found) {
      if (name == key) return node;
    }
    return nullptr;
  };
  if (const auto* version = value("version")) {
    read_version(*version);
  } else {
    wrong(root.place, "the version is missing", "begin with 'version: 1'");
  }
  // Rules are checked against the scratch places, wherever these stand.
  if (const auto* scratch = value("scratch")) read_scratch(*scratch);
  if (const auto* rules = value("rules")) read_rules(*rules);
  std::vector<Rule> rules;
  for (auto& drafted : rules_) rules.push_back(std::move(drafted.rule));
  return Policy(std::move(scratch_), std::move(rules)).as_of(now_);
}

void Reader::read_version(const YamlNode& node) {
  const auto* version = text(node, "version");
  if (version == nullptr || *version == "1") return;
  wrong(node.place,
        fmt::format("version {} is not supported", in_quotes(*version)),
        "this Stillframe understands 'version: 1'");
}

void Reader::read_scratch(const YamlNode& node) {
  if (!is_map(node, "scratch")) return;
  const auto found = fields(node, kScratchKeys, "scratch");
  if (node.entries.empty()) {
    wrong(node.place, "scratch is empty",
          "leave it out, or give it 'extend' or 'replace'");
  }
  if (found.size() > 1) {
    wrong(found[1].second->place, "scratch has both 'extend' and 'replace'",
          "what replaces the built-in places can as well hold the others");
    return;
  }
  for (const auto& [key, value] : found) {
    const bool replace = key == "replace";
    if (replace) scratch_.clear();
    for (const auto* item : texts(*value, key, replace)) {
      auto glob = path_glob(*item);
      if (!glob) continue;
      const auto within =
          std::find_if(scratch_.begin(), scratch_.end(),
                       [&](const auto& place) { return place.covers(*glob); });
      if (within != scratch_.end()) {
        wrong(item->place,
              fmt::format("{} is scratch already, by {}", in_quotes(item->text),
                          in_quotes(within->pattern())),
              "take it out");
        continue;
      }
      scratch_.push_back(std::move(*glob));
    }
  }
}

void Reader::read_rules(const YamlNode& node) {
  if (node.sort == Sort::null) return;  // "rules:" with all commented out
  if (node.sort != Sort::sequence) {
    wrong_type(node, "rules", "a list: each rule begins with '- name:'");
    return;
  }
  if (node.items.size() > kMaxRules) {
    wrong(node.items[kMaxRules].place, "more than 1000 rules",
          "make the rules wider");
    return;
  }
  for (const auto& item : node.items) {
    if (is_map(item, "a rule")) read_rule(item);
  }
}

void Reader::read_rule(const YamlNode& node) {
  Drafted drafted;
  drafted.place = node.place;
  drafted.rule.line = node.place.line;
  const std::size_t before = problems().size();
  bool named = false;
  bool decides = false;
  for (const auto& [key, value] : fields(node, kRuleKeys, "a rule")) {
    if (key == "name") {
      named = true;
      read_name(*value, drafted);
    } else if (key == "match") {
      drafted.rule.match = read_match(*value);
    } else if (key == "allow") {
      decides = true;
      drafted.rule.allow = read_entries(*value, "allow", drafted.allow);
    } else if (key == "violation") {
      decides = true;
      drafted.rule.violation =
          read_entries(*value, "violation", drafted.violation);
    } else if (key == "reason") {
      if (const auto* reason = text(*value, "reason")) {
        drafted.rule.reason = *reason;
      }
    } else {
      read_expiry(*value, drafted.rule);
    }
  }
  if (!named) {
    wrong(node.place, "a rule without a name",
          "add 'name:'; verdicts are shown with it");
  }
  if (!decides) {
    wrong(node.place, "a rule that decides nothing", "add 'allow:'");
  }
  const auto real = [](const Problem& p) { return !p.warning; };
  drafted.sound =
      std::none_of(problems().begin() + static_cast<std::ptrdiff_t>(before),
                   problems().end(), real);
  if (drafted.sound) check_within(drafted);
  rules_.push_back(std::move(drafted));
  if (rules_.back().sound) check_shadow(rules_.size() - 1);
}

void Reader::read_name(const YamlNode& node, Drafted& drafted) {
  const auto* name = text(node, "name");
  if (name == nullptr) return;
  drafted.place = node.place;
  const bool good =
      !name->empty() && name->size() <= kLongestName &&
      std::all_of(name->begin(), name->end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
      });
  if (!good) {
    wrong(node.place,
          fmt::format("{} is not a name for a rule", in_quotes(*name)),
          "up to 64 letters, digits, '-', '_' and '.'");
    return;
  }
  for (const auto& other : rules_) {
    if (other.rule.name != *name) continue;
    wrong(node.place, fmt::format("a second rule named {}", in_quotes(*name)),
          fmt::format("the first is on line {}", other.place.line));
  }
  drafted.rule.name = *name;
}

void Reader::read_expiry(const YamlNode& node, Rule& rule) {
  const auto* when = text(node, "expires");
  if (when == nullptr) return;
  const auto time = parse_expiry(*when);
  if (!time) {
    wrong(node.place,
          fmt::format("{}: {}", in_quotes(*when), time.error().message),
          "the last day on which the rule holds, such as 2027-01-31, or a time "
          "such as 2027-01-31T12:00:00Z");
    return;
  }
  rule.expires = *time;
  rule.expires_text = *when;
  if (!rule.expired_at(now_)) return;
  problems().push_back({node.place.line, node.place.column,
                        fmt::format("the rule has expired ({}): it decides "
                                    "nothing any more",
                                    printable(*when)),
                        "take the rule out, or look again at its reason",
                        true});
}

Match Reader::read_match(const YamlNode& node) {
  Match match;
  if (!is_map(node, "match")) return match;
  if (node.entries.empty()) {
    wrong(node.place, "match is empty",
          "leave it out where a rule is for all containers");
  }
  for (const auto& [key, value] : fields(node, kMatchKeys, "match")) {
    if (key == "labels") {
      read_labels(*value, match);
    } else if (key == "runtime") {
      read_runtime(*value, match);
    } else {
      auto& globs = key == "namespace"  ? match.pod_namespace
                    : key == "pod"      ? match.pod
                    : key == "workload" ? match.workload
                    : key == "image"    ? match.image
                                        : match.name;
      globs = text_globs(*value, key);
    }
  }
  return match;
}

void Reader::read_labels(const YamlNode& node, Match& match) {
  if (!is_map(node, "labels")) return;
  if (node.entries.empty()) {
    wrong(node.place, "labels is empty", "leave it out");
  }
  std::set<std::string> seen;
  for (const auto& [key, value] : node.entries) {
    const auto* label = text(key, "a label");
    if (label == nullptr) continue;
    if (!seen.insert(*label).second) {
      wrong(key.place,
            fmt::format("{} is given twice in labels", in_quotes(*label)),
            "keep one of them; a label can have a list of values");
      continue;
    }
    match.labels.emplace_back(*label,
                              text_globs(value, "label " + printable(*label)));
  }
}

void Reader::read_runtime(const YamlNode& node, Match& match) {
  match.runtime = text_globs(node, "runtime");
  for (const auto* item : texts(node, "runtime", true)) {
    const auto glob = TextGlob::compile(item->text);
    if (!glob) continue;
    const bool known =
        std::any_of(kRuntimeNames.begin(), kRuntimeNames.end(),
                    [&](const auto name) { return glob->matches(name); });
    if (known) continue;
    wrong(item->place, fmt::format("unknown runtime {}", in_quotes(item->text)),
          suggestion(item->text, kRuntimeNames));
  }
}

std::vector<TextGlob> Reader::text_globs(const YamlNode& node,
                                         std::string_view what) {
  std::vector<TextGlob> globs;
  for (const auto* item : texts(node, what)) {
    auto glob = TextGlob::compile(item->text);
    if (!glob) {
      wrong(item->place,
            fmt::format("bad pattern {}: {} (byte {})", in_quotes(item->text),
                        glob.error().message, glob.error().code + 1),
            "a list of patterns takes the place of braces; put \\ before what "
            "is meant as it stands");
      continue;
    }
    globs.push_back(std::move(*glob));
  }
  return globs;
}

std::optional<PathGlob> Reader::path_glob(const YamlNode& node) {
  auto glob = PathGlob::compile(node.text);
  if (glob) return std::move(*glob);
  const std::string& message = glob.error().message;
  std::string hint =
      "a list of patterns takes the place of braces; put \\ before what is "
      "meant as it stands";
  if (message.find("absolute") != std::string::npos) {
    hint = "begin it with '/', as the container sees it";
  } else if (message.find("'**'") != std::string::npos) {
    hint = "'/dir/**' is /dir and all below it; '/dir/*.log' stays in /dir";
  } else if (message.find("slash") != std::string::npos) {
    hint = "'/dir/**' is /dir and all below it";
  } else if (message.find("does not hold") != std::string::npos) {
    hint = "write the path without '.' and '..'";
  }
  wrong(node.place,
        fmt::format("bad path {}: {} (byte {})", in_quotes(node.text), message,
                    glob.error().code + 1),
        hint);
  return std::nullopt;
}

std::vector<PathGlob> Reader::path_globs(const YamlNode& node,
                                         std::string_view what,
                                         bool may_be_empty) {
  std::vector<PathGlob> globs;
  for (const auto* item : texts(node, what, may_be_empty)) {
    if (auto glob = path_glob(*item)) globs.push_back(std::move(*glob));
  }
  return globs;
}

std::vector<Entry> Reader::read_entries(const YamlNode& node,
                                        std::string_view what,
                                        std::vector<Place>& places) {
  std::vector<Entry> entries;
  if (node.sort != Sort::sequence) {
    wrong_type(node, what, "a list: '- {class: content, path: /dir/**}'");
    return entries;
  }
  if (node.items.empty()) {
    wrong(node.place, fmt::format("{} is empty", what),
          "a rule without entries never decides anything: take it out");
  }
  for (const auto& item : node.items) {
    if (!is_map(item, fmt::format("an entry of {}", what))) continue;
    entries.push_back(read_entry(item, what == "allow"));
    places.push_back(item.place);
  }
  return entries;
}

Words Reader::read_words(const YamlNode& node, std::string_view what,
                         Names names) {
  Words words = 0;
  for (const auto* item : texts(node, what)) {
    const auto found = std::find(names.begin(), names.end(), item->text);
    if (found == names.end()) {
      wrong(item->place,
            fmt::format("unknown {} {}", what, in_quotes(item->text)),
            suggestion(item->text, names));
      continue;
    }
    words |= Words{1} << static_cast<unsigned>(found - names.begin());
  }
  return words;
}

Entry Reader::read_entry(const YamlNode& node, bool allow) {
  Entry entry;
  const YamlNode* classes = nullptr;
  const YamlNode* kinds = nullptr;
  const YamlNode* paths = nullptr;
  if (node.entries.empty()) {
    wrong(node.place, "an empty entry",
          "say at least a class or a path; '/**' is every path");
  }
  for (const auto& [key, value] :
       fields(node, kEntryKeys, "an entry", kEntryHints)) {
    if (key == "class") {
      classes = value;
      entry.classes = read_words(*value, key, kClassNames);
    } else if (key == "kind") {
      kinds = value;
      entry.kinds = read_words(*value, key, kKindNames);
    } else if (key == "origin") {
      entry.origins = read_words(*value, key, kOriginNames);
    } else {
      paths = value;
      entry.paths = path_globs(*value, key);
    }
  }
  if (kinds != nullptr && entry.kinds != 0) {
    check_kinds(entry, classes, *kinds, allow);
    if (classes == nullptr) {
      entry.classes = 0;
      for (std::size_t i = 0; i < kKindNames.size(); ++i) {
        const auto kind = static_cast<Kind>(i);
        if ((entry.kinds & bit(kind)) != 0) {
          entry.classes |= bit(class_of(kind));
        }
      }
    }
  }
  if (paths != nullptr) check_scratch(entry, *paths);
  return entry;
}

void Reader::check_kinds(const Entry& entry, const YamlNode* classes,
                         const YamlNode& kinds, bool allow) {
  for (const auto* item : texts(kinds, "kind", true)) {
    const auto kind = kind_from(item->text);
    if (!kind) continue;
    const Class its = class_of(*kind);
    if (classes == nullptr) {
      if (!allow || its != Class::code) continue;
      wrong(item->place,
            fmt::format("{} is allowed without 'class: code'",
                        in_quotes(item->text)),
            "code is only allowed by an entry that says 'class: code'");
    } else if (entry.classes != 0 && (entry.classes & bit(its)) == 0) {
      wrong(item->place,
            fmt::format("kind {} is not of the entry's class",
                        in_quotes(item->text)),
            fmt::format("its class is {}", to_string(its)));
    }
  }
  if (classes == nullptr) return;
  for (const auto* item : texts(*classes, "class", true)) {
    const auto its = from_name<Class>(kClassNames, item->text);
    // Where no kind fits at all, that has been said of the kinds.
    const bool some = (kinds_of(entry.classes) & entry.kinds) != 0;
    if (!its || !some || (kinds_of(bit(*its)) & entry.kinds) != 0) continue;
    wrong(item->place,
          fmt::format("class {} can never match: none of the kinds is of it",
                      in_quotes(item->text)),
          "take it out, or add one of its kinds");
  }
}

void Reader::check_scratch(const Entry& entry, const YamlNode& paths) {
  const Words scratch = bit(Class::content) | bit(Class::metadata);
  if (entry.classes == 0 || (entry.classes & ~scratch) != 0) return;
  for (const auto* item : texts(paths, "path", true)) {
    const auto glob = PathGlob::compile(item->text);
    if (!glob) continue;
    for (const auto& place : scratch_) {
      if (!place.covers(*glob)) continue;
      wrong(
          item->place,
          fmt::format("{} can never match: it lies in the scratch place {}",
                      in_quotes(item->text), in_quotes(place.pattern())),
          "content and metadata there are tolerated before any rule is asked");
      break;
    }
  }
}

void Reader::check_within(const Drafted& drafted) {
  std::vector<std::pair<const Entry*, Place>> before;
  const auto look = [&](const std::vector<Entry>& entries,
                        const std::vector<Place>& places) {
    for (std::size_t i = 0; i < entries.size(); ++i) {
      for (const auto& [earlier, place] : before) {
        if (!earlier->covers(entries[i])) continue;
        wrong(places[i], "an entry that can never match",
              fmt::format("the entry on line {} takes all that it does",
                          place.line));
        break;
      }
      before.emplace_back(&entries[i], places[i]);
    }
  };
  look(drafted.rule.violation, drafted.violation);
  look(drafted.rule.allow, drafted.allow);
}

// Whether rules before this one leave it anything to decide.
void Reader::check_shadow(std::size_t index) {
  const Rule& rule = rules_[index].rule;
  const Drafted* by = nullptr;
  const auto taken = [&](const Entry& entry) {
    for (std::size_t i = 0; i < index; ++i) {
      const Drafted& other = rules_[i];
      const bool outlives =
          !other.rule.expires ||
          (rule.expires && *rule.expires <= *other.rule.expires);
      if (!other.sound || !outlives || !other.rule.match.covers(rule.match)) {
        continue;
      }
      const auto covers = [&](const Entry& e) { return e.covers(entry); };
      if (std::any_of(other.rule.allow.begin(), other.rule.allow.end(),
                      covers) ||
          std::any_of(other.rule.violation.begin(), other.rule.violation.end(),
                      covers)) {
        by = &other;
        return true;
      }
    }
    return false;
  };
  const bool dead =
      std::all_of(rule.violation.begin(), rule.violation.end(), taken) &&
      std::all_of(rule.allow.begin(), rule.allow.end(), taken);
  if (!dead || by == nullptr) return;
  wrong(rules_[index].place,
        fmt::format("rule {} can never match", in_quotes(rule.name)),
        fmt::format("rule '{}' on line {} comes first and takes all that it "
                    "does",
                    by->rule.name, by->place.line));
}

}  // namespace

Reading read_policy(std::string_view text, WallTime now) {
  Reading reading;
  auto& problems = reading.problems;
  const YamlNode root = read_yaml(text, problems);
  // What cannot be parsed says nothing about what it was to mean.
  if (problems.empty() || root.sort == YamlNode::Sort::map) {
    Policy policy = Reader(problems, now).read(root);
    policy.set_sha256(sha256_hex(text));
    const bool good =
        std::all_of(problems.begin(), problems.end(),
                    [](const Problem& problem) { return problem.warning; });
    if (good) reading.policy = std::move(policy);
  }
  std::stable_sort(
      problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
        return std::pair(a.line, a.column) < std::pair(b.line, b.column);
      });
  return reading;
}

Result<Reading> read_policy_file(const std::string& path, WallTime now) {
  const auto text = read_file(path);
  if (!text) return tl::unexpected<Error>(text.error());
  return read_policy(*text, now);
}

Result<PolicyPtr> load_policy(const std::string& path, WallTime now) {
  auto reading = read_policy_file(path, now);
  if (!reading) return tl::unexpected<Error>(reading.error());
  if (!reading->policy) {
    std::erase_if(reading->problems,
                  [](const Problem& problem) { return problem.warning; });
    return fail(describe(path, reading->problems));
  }
  return std::make_shared<const Policy>(std::move(*reading->policy));
}

std::span<const KeySet> key_sets() { return kKeySets; }

}  // namespace stillframe::policy
