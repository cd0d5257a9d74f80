// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "agent/base/text.h"
#include "exporters/console/actor.h"
#include "exporters/console/console.h"
#include "exporters/console/table.h"

namespace stillframe::console {
namespace {

template <typename Word>
std::string list_of(const std::vector<Word>& words, std::string_view none) {
  std::string out;
  for (const Word word : words) {
    if (!out.empty()) out += ',';
    out += to_string(word);
  }
  return out.empty() ? std::string(none) : out;
}

std::string class_text(const PolicyVerdict& row) {
  std::string out(to_string(row.mutation_class));
  if (!row.kinds.empty()) out += " (" + list_of(row.kinds, "") + ')';
  return out;
}

std::string rule_text(const ExplainAnswer& answer, const PolicyVerdict& row) {
  if (row.rule.empty()) return "-";
  return fmt::format("{} ({}:{})", display(row.rule),
                     display(answer.policy_file), row.line);
}

std::string now_text(const ExplainAnswer& answer, WallTime now) {
  if (answer.mount) {
    return fmt::format(
        "on a volume: {} ({}){}. What changes there is not of the snapshot and "
        "is not judged; code that is run from there is.",
        display(answer.mount->path), display(answer.mount->type),
        answer.mount->read_only ? ", read-only" : "");
  }
  if (!answer.now && answer.exists == false) {
    return "now: there is no such path in this container";
  }
  if (!answer.now) return "now: as in the image";
  const PathChange& change = *answer.now;
  std::string out = fmt::format(
      "now: {}, {} by {}", to_string(change.verdict),
      list_of(change.kinds.list(), "changed"),
      change.actors.empty() ? std::string("whoever changed what is in it")
                            : who(change.actors.back()));
  if (!change.rule.empty()) out += ", rule " + display(change.rule);
  if (change.last_seen.ns != 0) {
    out += ", last " + short_age(now.ns - change.last_seen.ns) + " ago";
  }
  return out;
}

}  // namespace

std::string explain_text(const ExplainAnswer& answer, WallTime now,
                         const Style& style) {
  Table table({"CLASS", "ORIGIN", "VERDICT", "RULE", "WHY"});
  for (const auto& row : answer.verdicts) {
    const auto verdict = to_string(row.verdict);
    table.add({{class_text(row), Color::none},
               {list_of(row.origins, "any"), Color::none},
               {std::string(verdict), verdict_color(verdict)},
               {rule_text(answer, row), Color::none},
               {printable(row.why), Color::none}});
  }
  const std::string policy = answer.policy_file.empty()
                                 ? "built-in scratch places only"
                                 : "policy " + display(answer.policy_file);
  return display(answer.path) + " in " + container_name(answer.container) +
         ", " + policy + "\n\n" + table.render(style) + '\n' +
         now_text(answer, now) + '\n';
}

}  // namespace stillframe::console
