// SPDX-License-Identifier: Apache-2.0
//
// Every metric that Stillframe exports, once: from this table come the series
// of a scrape and docs/metrics.md, so that they cannot disagree.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model/journal_state.h"
#include "agent/model/snapshot.h"
#include "exporters/agent_api.h"
#include "exporters/journald/state.h"
#include "exporters/prometheus/samples.h"
#include "exporters/prometheus/self_metrics.h"
#include "exporters/web/configuration.h"

namespace stillframe::metrics {

struct BuildInfo {
  std::string version;
  std::string revision;
};

// What a scrape is made of.
struct ScrapeInput {
  const Snapshot& snapshot;
  // The containers that get series of their own, and how many do not.
  std::vector<const ContainerView*> containers;
  std::uint64_t overflow = 0;
  BuildInfo build;
  AgentPhase phase;
  std::optional<JournalState> journal;
  std::optional<journald::State> journald;
  std::optional<web::State> web;  // none: there is no configuration
  std::optional<SelfMetrics> self;
};

struct MetricSpec {
  std::string_view name;
  prometheus::MetricType type;
  std::vector<std::string_view> labels;
  std::string_view unit;  // empty: a plain number
  std::string_view help;
  void (*fill)(const ScrapeInput&, Samples&);
};

struct MetricSection {
  std::string_view title;
  std::string_view note;
  std::vector<MetricSpec> metrics;
};

const std::vector<MetricSection>& metric_table();

}  // namespace stillframe::metrics
