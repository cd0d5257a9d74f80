// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "agent/base/text.h"
#include "exporters/console/actor.h"
#include "exporters/console/console.h"
#include "exporters/console/table.h"

namespace stillframe::console {
namespace {

Cell coverage_cell(Coverage coverage) {
  switch (coverage) {
    case Coverage::events:
      return {"events", Color::green};
    case Coverage::state:
      return {"state", Color::yellow};
    case Coverage::none:
      break;
  }
  return {"none", Color::red};
}

std::string listed(const std::vector<std::string>& texts,
                   std::string_view otherwise) {
  std::string out;
  for (const auto& text : texts) {
    if (!out.empty()) out += ", ";
    out += display(text);
  }
  return out.empty() ? std::string(otherwise) : out;
}

std::string or_else(std::string_view text, std::string_view otherwise) {
  return text.empty() ? std::string(otherwise) : display(text);
}

std::string machine_text(const MachineReport& machine, const Style& style) {
  const auto line = [&](std::string_view name, std::string_view value) {
    return paint(style, Color::bold, fmt::format("{:<12}", name)) + "  " +
           std::string(value) + '\n';
  };
  return line("kernel", display(machine.kernel_release) +
                            (machine.btf ? ", BTF" : ", no BTF")) +
         line("lsm", or_else(machine.lsm, or_else(machine.security_unknown,
                                                  "none listed"))) +
         line("lockdown", or_else(machine.lockdown,
                                  or_else(machine.security_unknown, "none"))) +
         line("capabilities",
              machine.missing_capabilities.empty()
                  ? "all there"
                  : "missing " + listed(machine.missing_capabilities, "")) +
         line("cgroup", display(machine.cgroup_mode) + ", observed at " +
                            or_else(machine.cgroup_observed, "nothing")) +
         line("runtimes", listed(machine.runtimes, "none found")) +
         line("storage", listed(machine.storage_drivers, "none found"));
}

std::string policy_text(const PolicyState& policy) {
  if (policy.file.empty()) {
    return "none: only the built-in scratch places are tolerated";
  }
  std::string out =
      fmt::format("{}, {} rules", display(policy.file), policy.rules);
  if (!policy.expired.empty()) {
    out += ", expired: " + listed(policy.expired, "");
  }
  if (!policy.load_success) {
    out += "; the file is bad by now, what it held before is in use";
  }
  return out;
}

// What was tried before the implementation in use, and what the kernel said.
std::string attempts(const SensorStatus& sensor) {
  std::string out;
  for (const auto& attempt : sensor.tried) {
    const bool whole = attempt.in_use && attempt.meaning.empty();
    out += fmt::format("  {} {}: {}\n", attempt.in_use ? "+" : "-",
                       display(attempt.implementation),
                       whole ? "works" : or_else(attempt.meaning, "works"));
    if (!attempt.answer.empty()) {
      out += "      kernel: " + display(attempt.answer) + '\n';
    }
    if (!attempt.fix.empty()) {
      out += "      fix: " + display(attempt.fix) + '\n';
    }
  }
  return out;
}

std::string cures(const std::vector<SensorStatus>& sensors,
                  const Style& style) {
  std::string out;
  for (const auto& sensor : sensors) {
    if (sensor.reason.empty() && sensor.tried.size() < 2) continue;
    out += paint(style, Color::bold, display(sensor.sensor)) + '\n';
    if (!sensor.tried.empty()) {
      out += attempts(sensor);
      continue;
    }
    out += "  " + or_else(sensor.reason, "no reason known") + '\n';
    if (!sensor.fix.empty()) out += "      fix: " + display(sensor.fix) + '\n';
  }
  return out.empty() ? out : '\n' + out;
}

std::string verdict_line(const std::vector<SensorStatus>& sensors) {
  const auto seen = std::count_if(
      sensors.begin(), sensors.end(),
      [](const auto& s) { return s.coverage == Coverage::events; });
  const auto blind =
      std::count_if(sensors.begin(), sensors.end(),
                    [](const auto& s) { return s.coverage == Coverage::none; });
  if (blind == 0 && static_cast<std::size_t>(seen) == sensors.size()) {
    return "All sensors see every event as it happens.\n";
  }
  return fmt::format(
      "{} of {} sensors see events; {} see only what changed, not who; {} see "
      "nothing.\n",
      seen, sensors.size(), static_cast<long>(sensors.size()) - seen - blind,
      blind);
}

}  // namespace

std::string doctor_text(const DoctorReport& report, const Style& style) {
  Table table({"SENSOR", "COVERAGE", "IMPLEMENTATION"});
  for (const auto& sensor : report.sensors) {
    table.add({{display(sensor.sensor), Color::none},
               coverage_cell(sensor.coverage),
               {or_else(sensor.implementation, "-"), Color::none}});
  }
  std::string policy;
  if (report.policy) {
    policy = paint(style, Color::bold, fmt::format("{:<12}", "policy")) + "  " +
             policy_text(*report.policy) + '\n';
  }
  return machine_text(report.machine, style) + policy + '\n' +
         table.render(style) + cures(report.sensors, style) + '\n' +
         verdict_line(report.sensors);
}

}  // namespace stillframe::console
