// SPDX-License-Identifier: Apache-2.0
#include "exporters/report/words.h"

#include <fmt/format.h>

#include "agent/base/text.h"
#include "exporters/console/actor.h"
#include "exporters/console/update.h"

namespace stillframe::report {

// Never 100 % of what is not all.
std::string percent(const std::optional<double>& share) {
  if (!share) return "-";
  if (*share >= 1) return "100 %";
  return fmt::format("{:.2f} %", static_cast<int>(*share * 10000) / 100.0);
}

std::string duration(double seconds) {
  if (seconds <= 0) return "-";
  if (seconds < 1) return "<1s";
  constexpr double kMost = 3e9;  // of what a clock counts in nanoseconds
  if (seconds > kMost) return fmt::format("{:.0f}d", seconds / 86'400);
  return short_age(static_cast<std::int64_t>(seconds * 1e9));
}

std::string moment(WallTime time) {
  const std::string text = rfc3339(time);  // 2026-11-22T12:00:00.…
  return text.substr(0, 10) + ' ' + text.substr(11, 8) + " UTC";
}

std::string name_of(const ContainerInfo& info) {
  std::string name = console::container_name(info);
  if (info.pod.empty()) return name;
  return printable(info.pod_namespace) + '/' + printable(info.pod) + '/' + name;
}

std::string workload_name(const WorkloadReport& workload) {
  std::string name =
      workload.name.empty() ? "(no workload)" : printable(workload.name);
  return workload.space.empty() ? name : printable(workload.space) + '/' + name;
}

std::string person(const std::string& name, bool probable) {
  if (name.empty()) return {};
  return printable(name) + (probable ? " (probably)" : "");
}

std::string hand_text(const Hand& hand) {
  std::string text = hand.who;
  if (!hand.person.empty()) text += ", " + person(hand.person, hand.probable);
  if (!hand.through.empty()) text += ", through " + printable(hand.through);
  return text;
}

std::string update_words(const Update& update) {
  // How many paths is known once it has ended.
  return console::update_text(update, update.ended.ns != 0);
}

std::string integrity(const NodeReport& node) {
  const std::uint64_t faults = node.audit.verification.fault_count;
  return (faults == 0 ? std::string("ok") : console::counted(faults, "fault")) +
         ": " + audit_summary(node.audit);
}

std::string counts(const std::map<std::string, std::uint64_t>& counts) {
  std::string text;
  for (const auto& [name, count] : counts) {
    if (!text.empty()) text += ", ";
    text += fmt::format("{} {}", printable(name), count);
  }
  return text;
}

}  // namespace stillframe::report
