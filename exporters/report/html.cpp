// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "agent/model/container_name.h"
#include "exporters/console/actor.h"
#include "exporters/report/page.h"
#include "exporters/report/report.h"
#include "exporters/report/requirements.h"
#include "exporters/report/svg.h"
#include "exporters/report/words.h"

namespace stillframe::report {
namespace {

// More would make a page that no browser shows; JSON has all of them.
constexpr std::size_t kLanes = 40;
constexpr std::size_t kContainerRows = 2000;
constexpr std::size_t kDetailed = 200;
constexpr std::size_t kRows = 100;  // of one container's table
constexpr std::size_t kGapRows = 500;

// What has a longer word may be broken anywhere: it must not widen the page.
constexpr std::size_t kLongWord = 24;

std::string cell(std::string_view text, std::string classes) {
  std::size_t word = 0;
  std::size_t longest = 0;
  for (const char c : text) {
    word = c == ' ' ? 0 : word + 1;
    longest = std::max(longest, word);
  }
  if (longest > kLongWord) classes += " w";
  return fmt::format("<td class=\"{}\">{}</td>", classes, html_text(text));
}
std::string text_cell(std::string_view text) { return cell(text, ""); }
std::string mono_cell(std::string_view text) { return cell(text, "mono"); }
// Shown so, sorted by its number.
std::string number_cell(std::int64_t number, std::string_view shown,
                        bool bad = false) {
  return fmt::format("<td class=\"n{}\" data-n=\"{}\">{}</td>",
                     bad ? " bad" : "", number, html_text(shown));
}
std::string number_cell(std::uint64_t number, bool bad = false) {
  return number_cell(static_cast<std::int64_t>(number), std::to_string(number),
                     bad && number != 0);
}
std::string time_cell(const std::optional<WallTime>& time) {
  if (!time) return "<td class=\"t\" data-n=\"0\">-</td>";
  return fmt::format("<td class=\"t\" data-n=\"{}\">{} {}</td>",
                     time->ns / 1'000'000, rfc3339(*time).substr(0, 10),
                     rfc3339(*time).substr(11, 8));
}
std::string seconds_cell(double seconds) {
  return number_cell(static_cast<std::int64_t>(std::min(seconds, 1e15) * 1000),
                     duration(seconds));
}
std::string share_cell(const Times& times) {
  const auto share = share_still(times);
  return number_cell(static_cast<std::int64_t>(share.value_or(-1) * 1e6),
                     percent(share), share && *share < 1);
}

std::string head(std::initializer_list<std::string_view> names) {
  std::string out = "<thead><tr>";
  for (const auto name : names) {
    const bool number = name.starts_with('#');
    out += number ? "<th class=\"n\">" : "<th>";
    out += name.substr(number ? 1 : 0);
    out += "</th>";
  }
  return out + "</tr></thead>";
}

std::string table(std::initializer_list<std::string_view> names,
                  const std::string& rows) {
  return "<table class=\"sort\">" + head(names) + "<tbody>" + rows +
         "</tbody></table>";
}

std::string row(const std::string& cells) { return "<tr>" + cells + "</tr>"; }

template <typename Classes>
std::string legend(const Classes& classes) {
  std::string out = "<p class=\"legend\">";
  for (const auto& [name, shown] : classes) {
    out += fmt::format(
        "<svg viewBox=\"0 0 12 12\" aria-hidden=\"true\"><rect class=\"{}\" "
        "width=\"12\" height=\"12\"/></svg>{}",
        name, shown);
  }
  return out + "</p>";
}

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& one : texts) out += (out.empty() ? "" : ", ") + one;
  return out;
}

std::string left_out(std::size_t all, std::size_t shown) {
  if (all <= shown) return {};
  return fmt::format("<p class=\"dim\">And {} more: -o json has all.</p>",
                     all - shown);
}

class Html {
 public:
  explicit Html(const Report& report) : report_(report) {
    for (const auto& node : report_.nodes) {
      away_seconds_ += node.away_seconds;
      faults_ += node.audit.verification.fault_count;
      for (const auto& one : node.containers) containers_.push_back(&one);
    }
    // Who has most violations comes first, since not all may be shown.
    std::stable_sort(containers_.begin(), containers_.end(),
                     [](const auto* a, const auto* b) {
                       return a->violations > b->violations;
                     });
  }

  std::string write() && {
    header();
    cards();
    over_time();
    workloads();
    containers();
    details();
    changes();
    updates();
    exceptions();
    images();
    gaps();
    nodes();
    requirement_table();
    return page("Immutability report, " + moment(report_.period.since) +
                    " to " + moment(report_.period.until),
                out_);
  }

 private:
  void section(std::string_view title, std::string_view lead) {
    out_ += fmt::format("<h2>{}</h2>", title);
    if (!lead.empty()) out_ += fmt::format("<p class=\"dim\">{}</p>", lead);
  }
  void card(const std::string& value, std::string_view what, bool bad) {
    out_ += fmt::format("<div class=\"card\"><b{}>{}</b><span>{}</span></div>",
                        bad ? " class=\"bad\"" : "", html_text(value), what);
  }

  void header() {
    std::string names;
    for (const auto& node : report_.nodes) {
      names += (names.empty() ? "" : ", ") + html_text(node.node);
    }
    out_ += fmt::format(
        "<h1>Immutability report</h1><p class=\"dim\">{} to {}. {}: {}. Made "
        "{} by Stillframe {} from the journals of the nodes. Times are UTC.</p>"
        "<p>A container is a snapshot of its image: it is not updated, it is "
        "replaced. This report says which containers were what their image "
        "is, which were changed while they ran, by whom, and what was not "
        "observed.</p>",
        moment(report_.period.since), moment(report_.period.until),
        report_.nodes.size() == 1 ? "Node" : "Nodes", names,
        moment(report_.made), html_text(report_.version));
  }

  void cards() {
    out_ += "<div class=\"cards\">";
    const auto share = share_still(report_.times);
    card(percent(share), "of the observed time still",
         share.has_value() && *share < 1);
    card(fmt::format("{} of {}", report_.mutated, report_.containers),
         "containers were changed", report_.mutated != 0);
    card(std::to_string(report_.violations), "violations",
         report_.violations != 0);
    card(fmt::format("{} : {}", report_.updates_in_place, report_.replacements),
         "updates in place : replacements", report_.updates_in_place != 0);
    card(duration(away_seconds_), "without an agent", away_seconds_ != 0);
    card(faults_ == 0 ? "intact" : fmt::format("{} faults", faults_),
         report_.nodes.size() == 1 ? "the journal" : "the journals",
         faults_ != 0);
    out_ += "</div>";
  }

  void over_time() {
    section("State over time", "Those that were changed longest come first.");
    out_ += legend(std::array<std::pair<const char*, const char*>, 5>{
        {{"c-still", "still: as its image, but for what the policy tolerates"},
         {"c-mutated", "mutated: changed, and not changed back"},
         {"c-unknown", "unknown: not compared yet, or it could not be"},
         {"c-stopped", "stopped"},
         {"c-unwatched", "no agent ran"}}});
    out_ += lanes_svg(report_, kLanes);
    out_ += left_out(containers_.size(), kLanes);
  }

  void workloads() {
    section("Workloads",
            "Until replaced: from the first change of a container to the "
            "container that took its place, the middle one of all.");
    std::string rows;
    for (const auto& one : report_.workloads) {
      const auto& delay = one.median_to_replacement;
      rows += row(
          text_cell(workload_name(one)) + number_cell(one.containers) +
          number_cell(one.mutated, true) + share_cell(one.times) +
          text_cell(one.violations.empty() ? "-" : counts(one.violations)) +
          number_cell(one.allowed) + number_cell(one.updates_in_place, true) +
          number_cell(one.replacements) + number_cell(one.with_new_image) +
          seconds_cell(delay.value_or(0)) +
          number_cell(one.not_replaced, true) +
          number_cell(one.image_ids.size()));
    }
    out_ += table({"Workload", "#Containers", "#Changed", "#Still",
                   "Violations", "#Allowed", "#In place", "#Replaced",
                   "#New image", "#Until replaced", "#Not replaced", "#Images"},
                  rows);
  }

  void containers() {
    section("Containers", "");
    std::string rows;
    std::size_t shown = 0;
    for (const auto* one : containers_) {
      if (shown++ == kContainerRows) break;
      rows += row(text_cell(name_of(one->info)) + text_cell(one->node) +
                  mono_cell(console::short_id(one->info.id)) +
                  text_cell(to_string(one->at_end)) + share_cell(one->times) +
                  seconds_cell(time_of(one->times, Condition::mutated)) +
                  seconds_cell(time_of(one->times, Condition::unknown)) +
                  seconds_cell(time_of(one->times, Condition::unwatched)) +
                  time_cell(one->last_comparison) +
                  number_cell(one->violations, true) + time_cell(one->begin) +
                  time_cell(one->end));
    }
    out_ += table(
        {"Container", "Node", "Id", "State", "#Still", "#Mutated", "#Unknown",
         "#Unwatched", "Compared", "#Violations", "Since", "Gone"},
        rows);
    out_ += left_out(containers_.size(), kContainerRows);
  }

  void details() {
    std::size_t shown = 0;
    std::size_t all = 0;
    for (const auto* one : containers_) {
      if (one->changes.empty() && one->sessions.empty() &&
          one->updates.empty() && one->updates_left_out == 0) {
        continue;
      }
      if (all++ >= kDetailed) continue;
      if (shown++ == 0) {
        section("Who changed what",
                "Of each container that was changed: the actors, the sessions "
                "that they came in by, and the updates that they ran. A user "
                "who is marked as probable is joined by pod, command and "
                "time.");
      }
      detail(*one);
    }
    out_ += left_out(all, kDetailed);
  }

  void detail(const ContainerReport& one) {
    out_ += fmt::format(
        "<article><h3>{}</h3><p class=\"dim\">{} on {}, image {}",
        html_text(name_of(one.info)), html_text(console::short_id(one.info.id)),
        html_text(one.node),
        html_text(one.info.image.empty() ? "not known" : one.info.image));
    if (!one.info.image_id.empty()) {
      out_ += " (" + html_text(console::short_id(one.info.image_id)) + ')';
    }
    if (one.first_mutation) {
      out_ += ", first change " + moment(*one.first_mutation);
    }
    if (one.replaced) {
      out_ += fmt::format(
          ", replaced {} by {}", moment(one.replaced->time),
          one.replaced->image_changed ? "a new image" : "the same image");
      if (one.replaced->mutated_seconds) {
        out_ += ", after " + duration(*one.replaced->mutated_seconds);
      }
    }
    out_ += ".</p>" + lane_svg(one, report_.period);
    hands(one);
    kinds(one);
    sessions(one);
    container_updates(one);
    if (one.not_itemized != 0) {
      out_ += fmt::format(
          "<p class=\"dim\">{} changes were more than the container's share of "
          "the journal: they are counted, without paths.</p>",
          one.not_itemized);
    }
    out_ += "</article>";
  }

  void hands(const ContainerReport& one) {
    if (one.hands.empty() && one.hands_left_out == 0) return;
    std::string rows;
    for (std::size_t i = 0; i < std::min(one.hands.size(), kRows); ++i) {
      const Hand& hand = one.hands[i];
      rows += row(text_cell(hand.who) +
                  text_cell(person(hand.person, hand.probable)) +
                  text_cell(hand.through) + number_cell(hand.changes) +
                  number_cell(hand.violations, true) +
                  text_cell(counts(hand.classes)) + time_cell(hand.first) +
                  time_cell(hand.last) + mono_cell(joined(hand.paths)));
    }
    out_ += table({"Actor", "Person", "Through", "#Changes", "#Violations",
                   "Classes", "First", "Last", "Paths"},
                  rows);
    out_ += left_out(one.hands.size(), kRows);
    if (one.hands_left_out != 0) {
      out_ += fmt::format(
          "<p class=\"dim\">{} more actors made {} changes: a report names {} "
          "of a container.</p>",
          one.hands_left_out, one.changes_by_others, one.hands.size());
    }
  }

  void kinds(const ContainerReport& one) {
    std::string rows;
    for (const auto& [key, count] : one.changes) {
      rows += row(text_cell(key.mutation_class) + text_cell(key.kind) +
                  text_cell(key.origin) + text_cell(key.verdict) +
                  text_cell(key.rule.empty() ? "built in" : key.rule) +
                  number_cell(count));
    }
    if (rows.empty()) return;
    out_ += table(
        {"Class", "Kind", "Origin", "Verdict", "Rule that decided", "#Changes"},
        rows);
  }

  void sessions(const ContainerReport& one) {
    if (one.sessions.empty()) return;
    std::string rows;
    for (std::size_t i = 0; i < std::min(one.sessions.size(), kRows); ++i) {
      const SessionRow& session = one.sessions[i];
      std::string through;
      for (const auto& name : session.session.ancestors.all()) {
        through += (through.empty() ? "" : " > ") + name;
      }
      rows += row(mono_cell(session.session.first_cmd) +
                  text_cell(person(session.person, session.probable)) +
                  text_cell(through) + mono_cell(session.session.tty) +
                  time_cell(session.session.start) + time_cell(session.ended) +
                  number_cell(session.changes) +
                  mono_cell(session.session.request_uid));
    }
    out_ += table({"Session", "Person", "Through", "Terminal", "Start", "End",
                   "#Changes", "Request"},
                  rows);
    out_ += left_out(one.sessions.size() + one.sessions_left_out, kRows);
  }

  void container_updates(const ContainerReport& one) {
    if (one.updates.empty()) return;
    std::string rows;
    for (std::size_t i = 0; i < std::min(one.updates.size(), kRows); ++i) {
      const Update& update = one.updates[i];
      rows += row(mono_cell(update_words(update)) +
                  text_cell(console::who_briefly(*update.actor)) +
                  time_cell(update.started));
    }
    out_ += table({"Update in place", "Actor", "Start"}, rows);
    out_ += left_out(one.updates.size() + one.updates_left_out, kRows);
  }

  void changes() {
    section("Violations by class and origin", "");
    const std::string plot = classes_svg(report_);
    if (plot.empty()) {
      out_ += "<p>None.</p>";
      return;
    }
    out_ += legend(std::array<std::pair<const char*, const char*>, 6>{
        {{"o-workload", "the workload itself"},
         {"o-exec", "a session (exec)"},
         {"o-host", "the host"},
         {"o-container", "another container"},
         {"o-runtime", "the runtime"},
         {"o-unattributed", "nobody was seen"}}});
    out_ += plot;
  }

  void updates() {
    section("Updates in place and replacements",
            "An update in place is one run of a tool that changed a running "
            "container. A replacement is a new container in the place of an "
            "old one.");
    const std::string plot = updates_svg(report_);
    if (plot.empty()) {
      out_ += "<p>None.</p>";
      return;
    }
    out_ += legend(std::array<std::pair<const char*, const char*>, 2>{
        {{"u-in-place", "updates in place"}, {"u-replaced", "replacements"}}});
    out_ += plot;
  }

  void exceptions() {
    section("Exceptions",
            "Rules of the policy that tolerated a change, or that expired.");
    if (report_.exceptions.empty()) {
      out_ += "<p>None was used.</p>";
    } else {
      std::string rows;
      for (const auto& one : report_.exceptions) {
        rows +=
            row(text_cell(one.rule) +
                text_cell(one.reason.empty() ? "no reason given" : one.reason) +
                time_cell(one.expires) + time_cell(one.expired) +
                number_cell(one.changes) + number_cell(one.containers) +
                time_cell(one.changes == 0 ? std::nullopt
                                           : std::optional(one.last)));
      }
      out_ += table({"Rule", "Reason", "Expires", "Expired", "#Changes",
                     "#Containers", "Last"},
                    rows);
    }
    std::string rows;
    for (const auto& node : report_.nodes) {
      for (const auto& one : node.policies) {
        rows += row(time_cell(one.time) + text_cell(one.node) +
                    text_cell(one.loaded ? "in use" : "refused") +
                    text_cell(one.detail) + mono_cell(one.sha256));
      }
    }
    if (!rows.empty()) {
      out_ += table({"Time", "Node", "Policy", "What", "SHA-256 of the file"},
                    rows);
    }
  }

  void images() {
    section("Images that ran", "");
    std::string rows;
    for (const auto& one : report_.images) {
      std::string names;
      for (const auto& name : one.names) {
        names += (names.empty() ? "" : ", ") + name;
      }
      rows += row(mono_cell(one.id.empty() ? "not known" : one.id) +
                  text_cell(names) + number_cell(one.containers) +
                  number_cell(one.mutated, true) + time_cell(one.first) +
                  time_cell(one.last));
    }
    out_ +=
        table({"Image id", "Image", "#Containers", "#Changed", "First", "Last"},
              rows);
  }

  void gaps() {
    section("What was not observed", "");
    std::string rows;
    std::size_t all = 0;
    for (const auto& node : report_.nodes) {
      for (const auto& one : node.gaps) {
        if (all++ >= kGapRows) continue;
        rows += row(text_cell(one.node) + text_cell(one.kind) +
                    text_cell(one.what) + time_cell(one.since) +
                    time_cell(one.until) + number_cell(one.times) +
                    text_cell(one.hides));
      }
    }
    out_ += rows.empty() ? "<p>No gaps are on record.</p>"
                         : table({"Node", "Kind", "What", "From", "To",
                                  "#Times", "What it may hide"},
                                 rows);
    out_ +=
        left_out(all, kGapRows) + "<h3>What this report cannot know</h3><ul>";
    for (const auto& limit : limits())
      out_ += fmt::format("<li>{}</li>", limit);
    out_ += "</ul>";
  }

  void nodes() {
    section("Nodes, and the integrity of their journals",
            "Each entry of a journal has the hash of the one before; a "
            "checkpoint says how far it went.");
    std::string rows;
    for (const auto& node : report_.nodes) {
      const auto& verification = node.audit.verification;
      std::string sensors;
      for (const auto& [name, how] : node.sensors) {
        sensors += (sensors.empty() ? "" : ", ") + name + ": " + how;
      }
      rows +=
          row(text_cell(node.node) + text_cell(node.version) +
              time_cell(node.watched.since) + time_cell(node.watched.until) +
              fmt::format("<td class=\"{}\">{}</td>",
                          verification.fault_count == 0 ? "good" : "bad",
                          html_text(integrity(node))) +
              text_cell(sensors));
    }
    out_ += table({"Node", "Agent", "From", "To", "Journal", "Sensors"}, rows);
    for (const auto& node : report_.nodes) {
      for (const auto& fault : node.audit.verification.faults) {
        out_ += fmt::format("<p class=\"bad\">{}: {}</p>", html_text(node.node),
                            html_text(to_text(fault)));
      }
      if (node.entries_not_read != 0) {
        out_ += fmt::format(
            "<p class=\"bad\">{}: {} lines are no events, and "
            "are not in this report.</p>",
            html_text(node.node), node.entries_not_read);
      }
    }
  }

  void requirement_table() {
    section("What this is evidence for",
            "No requirement is met by a report alone: the last column is what "
            "has to be shown elsewhere.");
    std::string rows;
    for (const auto& one : requirements()) {
      rows += row(text_cell(one.source) + text_cell(one.number) +
                  text_cell(one.asks) + text_cell(one.evidence) +
                  text_cell(one.not_this));
    }
    out_ += table(
        {"Source", "Number", "Asks for", "Evidence here", "Not shown here"},
        rows);
  }

  const Report& report_;
  std::vector<const ContainerReport*> containers_;
  double away_seconds_ = 0;
  std::uint64_t faults_ = 0;
  std::string out_;
};

}  // namespace

std::string report_html(const Report& report) { return Html(report).write(); }

}  // namespace stillframe::report
