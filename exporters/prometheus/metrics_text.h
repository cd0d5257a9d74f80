// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <prometheus/metric_family.h>

#include <functional>
#include <optional>
#include <string>

#include "exporters/prometheus/metric_table.h"

namespace stillframe::metrics {

// Builds all series again for each scrape from the latest snapshot, so that the
// series of containers that are gone vanish with them.
class SnapshotCollector {
 public:
  // All are asked at each scrape.
  struct Sources {
    std::function<SnapshotPtr()> snapshot;
    std::function<AgentPhase()> phase;
    std::function<std::optional<JournalState>()> journal;
    std::function<std::optional<journald::State>()> journald;
    std::function<std::optional<web::State>()> web;
  };
  SnapshotCollector(Sources sources, BuildInfo build,
                    std::size_t max_containers);

  // Hands on each metric in turn: with a thousand containers all of them at
  // once take ten megabytes.
  void each(
      const std::function<void(const prometheus::MetricFamily&)>& take) const;

 private:
  Sources sources_;
  BuildInfo build_;
  std::size_t max_containers_;
};

// docs/metrics.md.
std::string metrics_markdown();

}  // namespace stillframe::metrics
