// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <utility>

#include "agent/base/text.h"
#include "exporters/console/actor.h"
#include "exporters/console/style.h"
#include "exporters/console/table.h"
#include "exporters/report/report.h"
#include "exporters/report/requirements.h"
#include "exporters/report/words.h"

namespace stillframe::report {
namespace {

using console::Color;
using console::Style;
using console::Table;

// On a terminal the rest is for `-o html` and `-o json`.
constexpr std::size_t kHandsShown = 10;
constexpr std::size_t kRowsShown = 20;

Color color_of(Condition condition) {
  switch (condition) {
    case Condition::still:
      return Color::green;
    case Condition::mutated:
      return Color::red;
    case Condition::unknown:
    case Condition::stopped:
    case Condition::unwatched:
      break;
  }
  return Color::yellow;
}

class Writer {
 public:
  explicit Writer(const Report& report, Style style)
      : report_(report), style_(style) {}

  std::string write() && {
    head();
    nodes();
    workloads();
    containers();
    exceptions();
    images();
    gaps();
    out_ +=
        "\nAs HTML (-o html) it has plots, all rows, and which "
        "requirements it is evidence for.\n";
    return std::move(out_);
  }

 private:
  void title(std::string_view text) {
    out_ += '\n' + console::paint(style_, Color::bold, text) + '\n';
  }
  void table(Table& table) { out_ += table.render(style_); }

  void head() {
    title("Immutability report");
    out_ += fmt::format(
        "{} to {}\n{}, {} changed; {} of the time still; {}; {}; {}\n",
        moment(report_.period.since), moment(report_.period.until),
        console::counted(report_.containers, "container"), report_.mutated,
        percent(share_still(report_.times)),
        console::counted(report_.violations, "violation"),
        fmt::format("{} in place",
                    console::counted(report_.updates_in_place, "update")),
        console::counted(report_.replacements, "replacement"));
  }

  void nodes() {
    title("Nodes and their journals");
    for (const auto& node : report_.nodes) {
      const bool good = node.audit.verification.fault_count == 0;
      out_ += "  " + display(node.node) + "  " +
              console::paint(style_, good ? Color::green : Color::red,
                             good ? "ok" : "faults") +
              ": " + audit_summary(node.audit) + '\n';
      for (const auto& fault : node.audit.verification.faults) {
        out_ += "    " + to_text(fault) + '\n';
      }
      if (node.entries_not_read != 0) {
        out_ += fmt::format("    {} are no events\n",
                            console::counted(node.entries_not_read, "line"));
      }
      if (node.away_seconds != 0) {
        out_ += fmt::format("    no agent ran for {}\n",
                            duration(node.away_seconds));
      }
    }
  }

  void workloads() {
    if (report_.workloads.empty()) return;
    title("Workloads");
    Table rows({"WORKLOAD", "CONTAINERS", "CHANGED", "STILL", "VIOLATIONS",
                "IN PLACE", "REPLACED", "UNTIL REPLACED"});
    for (const auto& one : report_.workloads) {
      rows.add(
          {{workload_name(one)},
           {std::to_string(one.containers)},
           {std::to_string(one.mutated),
            one.mutated == 0 ? Color::none : Color::red},
           {percent(share_still(one.times))},
           {one.violations.empty() ? "-" : counts(one.violations)},
           {std::to_string(one.updates_in_place)},
           {std::to_string(one.replacements)},
           {one.median_to_replacement ? duration(*one.median_to_replacement)
                                      : "-"}});
    }
    table(rows);
  }

  void containers() {
    std::size_t all = 0;
    for (const auto& node : report_.nodes) {
      for (const auto& one : node.containers) {
        if (one.hands.empty() && one.hands_left_out == 0 &&
            one.updates.empty() && one.updates_left_out == 0 &&
            (one.end || one.at_end == Condition::still)) {
          continue;
        }
        if (all++ == 0) title("Containers of which there is more to say");
        if (all <= kRowsShown) container(one);
      }
    }
    if (all > kRowsShown) {
      out_ += fmt::format("  and {} more\n", all - kRowsShown);
    }
  }

  void container(const ContainerReport& one) {
    out_ += fmt::format(
        "  {}  {}  {}  still {}", name_of(one.info),
        console::short_id(one.info.id),
        console::paint(style_, color_of(one.at_end), to_string(one.at_end)),
        percent(share_still(one.times)));
    for (const Condition other : {Condition::mutated, Condition::unknown,
                                  Condition::stopped, Condition::unwatched}) {
      const double seconds = time_of(one.times, other);
      if (seconds != 0)
        out_ += fmt::format(", {} {}", to_string(other), duration(seconds));
    }
    if (one.replaced) {
      out_ += "; replaced";
      if (one.replaced->mutated_seconds) {
        out_ += " after " + duration(*one.replaced->mutated_seconds);
      }
      out_ += one.replaced->image_changed ? " by a new image"
                                          : " by the same image";
    }
    out_ += '\n';
    std::size_t shown = 0;
    for (const auto& hand : one.hands) {
      if (shown++ == kHandsShown) break;
      out_ += fmt::format("    {}: {} ({})", hand_text(hand),
                          console::counted(hand.changes, "change"),
                          counts(hand.classes));
      if (!hand.paths.empty()) out_ += "  " + display(hand.paths.front());
      if (hand.paths.size() > 1) out_ += ", …";
      out_ += '\n';
    }
    if (one.hands.size() > kHandsShown) {
      out_ += fmt::format("    and {} more\n", one.hands.size() - kHandsShown);
    }
    if (one.hands_left_out != 0) {
      out_ += fmt::format("    and {} more, with {}\n", one.hands_left_out,
                          console::counted(one.changes_by_others, "change"));
    }
    shown = 0;
    for (const auto& update : one.updates) {
      if (shown++ == kHandsShown) break;
      out_ += "    updated in place by " + update_words(update) + '\n';
    }
  }

  void exceptions() {
    if (report_.exceptions.empty()) return;
    title("Exceptions that were used or have expired");
    Table rows({"RULE", "REASON", "EXPIRES", "CHANGES", "CONTAINERS"});
    for (const auto& one : report_.exceptions) {
      std::string expires = one.expires ? moment(*one.expires) : "never";
      if (one.expired) expires = "expired " + moment(*one.expired);
      rows.add({{display(one.rule)},
                {one.reason.empty() ? "-" : display(one.reason)},
                {std::move(expires), one.expired ? Color::red : Color::none},
                {std::to_string(one.changes)},
                {std::to_string(one.containers)}});
    }
    table(rows);
  }

  void images() {
    if (report_.images.empty()) return;
    title("Images that ran");
    Table rows({"IMAGE ID", "IMAGE", "CONTAINERS", "CHANGED"});
    for (const auto& one : report_.images) {
      std::string names;
      for (const auto& name : one.names) {
        names += (names.empty() ? "" : ", ") + display(name);
      }
      rows.add({{one.id.empty() ? "-" : console::short_id(one.id)},
                {names},
                {std::to_string(one.containers)},
                {std::to_string(one.mutated)}});
    }
    table(rows);
  }

  void gaps() {
    title("Not observed");
    std::size_t shown = 0;
    std::size_t all = 0;
    for (const auto& node : report_.nodes) {
      for (const auto& gap : node.gaps) {
        ++all;
        if (shown == kRowsShown) continue;
        ++shown;
        out_ +=
            fmt::format("  {}  {} to {}  {}{}, {}: {}\n", display(node.node),
                        moment(gap.since), moment(gap.until), display(gap.kind),
                        gap.times > 1 ? fmt::format(" x{}", gap.times) : "",
                        display(gap.what), gap.hides);
      }
    }
    if (all > shown) out_ += fmt::format("  and {} more\n", all - shown);
    for (const auto& limit : limits()) out_ += fmt::format("  - {}\n", limit);
  }

  const Report& report_;
  const Style style_;
  std::string out_;
};

}  // namespace

std::string report_text(const Report& report, bool color) {
  return Writer(report, {.color = color, .width = 0}).write();
}

}  // namespace stillframe::report
