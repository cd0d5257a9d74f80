// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "exporters/agent_api.h"

namespace stillframe::metrics {

// What the landing page shows. Counts and no names: those are in the metrics.
struct Landing {
  std::string_view telemetry_path;
  std::string_view version;
  std::string_view revision;
  AgentPhase phase;
  SnapshotPtr snapshot;  // null: there is none yet
};

// Self-contained HTML: no scripts, nothing loaded from elsewhere.
std::string landing_page(const Landing& landing);
std::string not_found_page(std::string_view telemetry_path);

}  // namespace stillframe::metrics
