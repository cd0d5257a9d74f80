// SPDX-License-Identifier: Apache-2.0
//
// What a scrape is answered with: Prometheus' text format 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/) or OpenMetrics
// 1.0 (https://prometheus.io/docs/specs/om/open_metrics_spec/). prometheus-cpp
// writes the first alone, in six times the time.
#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <string>
#include <vector>

namespace stillframe::metrics {

enum class Format : std::uint8_t { text, openmetrics };

// Counters, gauges and histograms; a counter's name ends with "_total".
std::string exposition(const std::vector<prometheus::MetricFamily>& families,
                       Format format);

}  // namespace stillframe::metrics
