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
    out += "; the file has become invalid, what it held before is in use";
  }
  return out;
}

// What was tried before the implementation in use, and what the kernel said.
std::string attempts(const SensorStatus& sensor) {
  std::string out;
  for (const auto& attempt : sensor.tried) {
    out += fmt::format("  {} {}: {}\n", attempt.in_use ? "+" : "-",
                       display(attempt.implementation),
                       or_else(attempt.meaning, "works"));
    if (!attempt.answer.empty()) {
      out += "      kernel: " + display(attempt.answer) + '\n';
    }
    if (!attempt.fix.empty()) {
      out += "      fix: " + display(attempt.fix) + '\n';
    }
  }
  return out;
}

std::string shortcomings(const std::vector<SensorStatus>& sensors,
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

// "1 sees", "2 see"
std::string see(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " sees" : " see");
}

// What sensors with events leave to scans, and which sensor: docs/coverage.md
// has the same as `state`.
std::string left_to_scans(const std::vector<SensorStatus>& sensors) {
  std::string out;
  for (const auto& sensor : sensors) {
    if (sensor.by_scan.empty()) continue;
    out += fmt::format("{}{} ({})", out.empty() ? "" : "; ",
                       listed(sensor.by_scan, ""), display(sensor.sensor));
  }
  return out;
}

std::string verdict_line(const std::vector<SensorStatus>& sensors) {
  const auto with = [&](Coverage coverage) {
    return static_cast<std::size_t>(std::count_if(
        sensors.begin(), sensors.end(),
        [&](const auto& sensor) { return sensor.coverage == coverage; }));
  };
  const std::size_t seeing = with(Coverage::events);
  const std::size_t late = with(Coverage::state);
  const std::size_t blind = with(Coverage::none);
  const std::string by_scan = left_to_scans(sensors);
  if (seeing == sensors.size() && by_scan.empty()) {
    return "All sensors see every event as it happens.\n";
  }
  std::string out =
      fmt::format("{} of {} sensors see events", seeing, sensors.size());
  if (late != 0) out += "; " + see(late) + " only what changed, not who";
  if (blind != 0) out += "; " + see(blind) + " nothing";
  out += '.';
  if (!by_scan.empty()) {
    out += " Found by scans only, without an actor: " + by_scan + '.';
  }
  return out + '\n';
}

}  // namespace

std::string doctor_text(const DoctorReport& report, const Style& style) {
  std::string policy;
  if (report.policy) {
    policy = paint(style, Color::bold, fmt::format("{:<12}", "policy")) + "  " +
             policy_text(*report.policy) + '\n';
  }
  const std::string machine = machine_text(report.machine, style) + policy;
  if (report.sensors.empty()) {
    return machine + "\nNot known yet what the sensors see" +
           (report.agent ? ": " + printable(to_string(*report.agent)) : "") +
           ".\n";
  }
  Table table({"SENSOR", "COVERAGE", "IMPLEMENTATION"});
  for (const auto& sensor : report.sensors) {
    table.add({{display(sensor.sensor), Color::none},
               coverage_cell(sensor.coverage),
               {or_else(sensor.implementation, "-"), Color::none}});
  }
  return machine + '\n' + table.render(style) +
         shortcomings(report.sensors, style) + '\n' +
         verdict_line(report.sensors);
}

}  // namespace stillframe::console
