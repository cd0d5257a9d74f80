// SPDX-License-Identifier: Apache-2.0
//
// What people read: complete texts, each line ended by a newline. All names and
// paths go through display(); only docker_lines() gives raw bytes.
#pragma once

#include <string>

#include "agent/base/clock.h"
#include "agent/model/snapshot.h"
#include "exporters/agent_api.h"
#include "exporters/console/style.h"
#include "exporters/listing.h"

namespace stillframe::console {

// Empty when there are no containers: then say kNoContainers on stderr.
// `wide`: with more columns, as wide as they get.
std::string ps_table(const Snapshot& snapshot, WallTime now, const Style& style,
                     bool wide = false);
// One on each line, as other commands take it: its name, or its id where it
// shares that.
std::string ps_names(const Snapshot& snapshot);
std::string workloads_table(const Snapshot& snapshot, const Style& style);
inline constexpr std::string_view kNoContainers =
    "No containers are running here.";

// The changes, then one line that sums them up. `answer` must outlive it.
Listing diff_table(const DiffAnswer& answer, WallTime now, const Style& style);

// That line, without its newline.
std::string diff_summary(const DiffAnswer& answer, WallTime now);

// As the container's own tool prints them: raw bytes. `answer` must outlive it.
Listing docker_lines(const DiffAnswer& answer);

// One event on one line.
std::string event_line(const StreamEvent& event, const Style& style);

// What a policy makes of changes at a path, and what is known of it.
std::string explain_text(const ExplainAnswer& answer, WallTime now,
                         const Style& style);

std::string doctor_text(const DoctorReport& report, const Style& style);

}  // namespace stillframe::console
