// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <map>
#include <set>

#include "agent/base/text.h"
#include "exporters/console/actor.h"
#include "exporters/console/change.h"
#include "exporters/console/console.h"
#include "exporters/console/table.h"
#include "exporters/console/update.h"

namespace stillframe::console {
namespace {

std::string who_text(const PathChange& change) {
  const auto& actors = change.actors;
  if (actors.empty()) return "-";  // of what is below it, who follows
  std::string out = who(actors.at(0));
  const auto more = actors.size() - 1 + change.actors_left_out;
  if (more != 0) out += fmt::format(" +{} more", more);
  return out;
}

std::vector<Cell> diff_row(const PathChange& change, WallTime now) {
  const auto verdict = to_string(change.verdict);
  return {change_cell(change.change),
          {path_text(change), Color::none},
          {std::string(verdict), verdict_color(verdict)},
          {kinds_text(change.kinds.list()), Color::none},
          {who_text(change), Color::none},
          {ago(change.last_seen, now), Color::dim}};
}

// "exec (apt, sh) and host (cp)", in the order of the vocabulary, so that the
// same state always gives the same text.
std::string culprits(const ChangeList& changes) {
  constexpr std::size_t kNamed = 3;  // of each origin; the rest is "…"
  std::map<Origin, std::set<std::string>> doers;
  for (const auto& change : changes) {
    if (change.verdict != Verdict::violation) continue;
    for (const auto& actor : change.actors) {
      auto& names = doers[actor.origin];
      const auto& name = actor.tool.empty() ? actor.comm : actor.tool;
      if (!name.empty()) names.insert(display(name));
    }
  }
  std::string out;
  std::size_t left = doers.size();
  for (const auto& [origin, names] : doers) {
    if (!out.empty()) out += left == 1 ? " and " : ", ";
    --left;
    out +=
        origin == Origin::unattributed ? "an unknown actor" : to_string(origin);
    if (names.empty()) continue;
    std::size_t shown = 0;
    std::string list;
    for (const auto& name : names) {
      if (shown == kNamed) {
        list += ", …";
        break;
      }
      list += (shown++ == 0 ? "" : ", ") + name;
    }
    out += " (" + list + ')';
  }
  return out;
}

// How many there are of each verdict. A directory of which nothing but what is
// in it changed is shown, and not counted (nor by `ps`).
std::map<Verdict, std::uint64_t> counts_of(const ChangeList& changes) {
  std::map<Verdict, std::uint64_t> counts;
  for (const auto& change : changes) {
    if (!change.actors.empty()) ++counts[change.verdict];
  }
  return counts;
}

// "2 scratch, 1 allowed"
std::string tolerated(const std::map<Verdict, std::uint64_t>& counts) {
  std::string out;
  for (const auto& [verdict, count] : counts) {
    if (verdict == Verdict::violation) continue;
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", count,
                       to_string(verdict));
  }
  return out;
}

WallTime first_violation(const ChangeList& changes) {
  WallTime first;
  for (const auto& change : changes) {
    if (change.verdict != Verdict::violation) continue;
    if (first.ns == 0 || change.first_seen < first) first = change.first_seen;
  }
  return first;
}

}  // namespace

std::string diff_summary(const DiffAnswer& answer, WallTime now) {
  auto counts = counts_of(answer.changes);
  const std::uint64_t violations = counts[Verdict::violation];
  const std::string others = tolerated(counts);
  std::string line;
  if (violations != 0) {
    line = fmt::format("mutated: {} changed by {}, first {}",
                       counted(violations, "path"), culprits(answer.changes),
                       ago(first_violation(answer.changes), now));
    if (!others.empty()) line += "; tolerated: " + others;
  } else if (answer.container.state == ContainerState::mutated) {
    line = "mutated";
  } else if (answer.container.state == ContainerState::unknown) {
    const auto& why = answer.container.why_unknown;
    return "unknown: " + container_name(answer.container.info) +
           " could not be compared with its image: " +
           (why.empty() ? "no scan has been complete yet" : printable(why));
  } else {
    line = "still: " + container_name(answer.container.info) +
           " is the image it was started from";
    if (!others.empty()) line += ", but for what is tolerated: " + others;
    if (answer.container.ever_mutated) line += " (it was mutated before)";
  }
  if (!answer.complete) {
    line += answer.gone ? " (incomplete: not all was looked at before it went)"
                        : " (incomplete: a scan is still due)";
  }
  return line;
}

Listing diff_table(const DiffAnswer& answer, WallTime now, const Style& style,
                   bool all) {
  Listing out;
  std::vector<std::uint32_t> shown;
  LeftOut left_out;
  Table table({"", "PATH", "VERDICT", "KINDS", "WHO", "WHEN"});
  for (std::uint32_t i = 0; i < answer.changes.size(); ++i) {
    const PathChange change = answer.changes[i];
    if (!all && left_out.takes(change)) continue;
    shown.push_back(i);
    table.measure(diff_row(change, now));
  }
  if (!shown.empty()) out.head = table.header(style);
  out.rows = shown.size();
  out.tail = ending(answer, left_out, now, style);
  if (!shown.empty()) out.tail.insert(0, "\n");
  out.row = [table = std::move(table), &changes = answer.changes,
             shown = std::move(shown), now, style](std::size_t i) {
    return table.line(diff_row(changes[shown[i]], now), style);
  };
  return out;
}

Listing docker_lines(const DiffAnswer& answer) {
  Listing out;
  out.rows = answer.runtime_lines.size();
  out.row = [&lines = answer.runtime_lines](std::size_t i) {
    return lines[i].text() + '\n';
  };
  return out;
}

}  // namespace stillframe::console
