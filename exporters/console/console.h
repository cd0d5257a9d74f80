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
#include "exporters/container_list.h"
#include "exporters/listing.h"

namespace stillframe::console {

struct PsColumns {
  bool wide = false;   // more of them, as wide as they get
  bool whole = false;  // nothing is cut, ids neither
};

// Empty when there are no containers: then say so on stderr, and what was left
// out.
std::string ps_table(const ContainerList& list, WallTime now,
                     const Style& style, const PsColumns& wanted = {});
// One on each line, as other commands take it: its name, or its id where it
// shares that.
std::string ps_names(const ContainerList& list);
// Likewise by their ids, of which the beginning is enough but for `whole`.
std::string ps_ids(const ContainerList& list, bool whole);
std::string workloads_table(const ContainerList& list, const Style& style);
// "Not shown (--all): 2 that do not run, 1 of them mutated"; or empty.
std::string left_out_text(const ContainerList& list);

// The changes by who made them, a block each, then one line that sums them up.
// Left out, and counted, is what the runtime itself wrote, directories of which
// only entries changed, and what goes beyond twenty paths of a block and twenty
// blocks; but for `all`. `answer` must outlive it.
Listing diff_blocks(const DiffAnswer& answer, WallTime now, const Style& style,
                    bool all);

// The same as a table, a path a line, as wide as it gets: nothing is left out
// but what the runtime wrote and such directories.
Listing diff_table(const DiffAnswer& answer, WallTime now, const Style& style,
                   bool all);

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
