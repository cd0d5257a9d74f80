// SPDX-License-Identifier: Apache-2.0
//
// Phrases that all renderings of a report have in common. Printable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "exporters/report/report.h"

namespace stillframe::report {

std::string percent(const std::optional<double>& share);  // "99.95 %", "-"
std::string duration(double seconds);                     // "3h12m", "-" of 0
std::string moment(WallTime time);  // "2026-11-22 12:00:05 UTC"
// Name or short id; with the pod where there is one.
std::string name_of(const ContainerInfo& info);
std::string workload_name(const WorkloadReport& workload);
// "ann", "ann (probably)", or empty.
std::string person(const std::string& name, bool probable);
// "exec apt, ann, through sshd > bash"
std::string hand_text(const Hand& hand);
// The packages and the command of an update.
std::string update_words(const Update& update);
// "ok; signed by …; covered …", or what is wrong.
std::string integrity(const NodeReport& node);
// "content 3, code 1"
std::string counts(const std::map<std::string, std::uint64_t>& counts);

}  // namespace stillframe::report
