// SPDX-License-Identifier: Apache-2.0
//
// OpenMetrics 1.0 (https://prometheus.io/docs/specs/om/open_metrics_spec/), for
// clients that ask for it. prometheus-cpp writes the older text format only.
#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <string_view>
#include <vector>

namespace stillframe::metrics {

constexpr std::string_view kOpenMetricsType =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

// Counters, gauges and histograms; a counter's name ends with "_total".
std::string openmetrics_text(
    const std::vector<prometheus::MetricFamily>& families);

// Whether a client with this Accept header would rather have this than the
// older text format.
bool prefers_openmetrics(std::string_view accept);

}  // namespace stillframe::metrics
