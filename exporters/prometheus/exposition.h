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
#include <string_view>

namespace stillframe::metrics {

enum class Format : std::uint8_t { text, openmetrics };

// Counters, gauges and histograms; a counter's name ends with "_total".
class Exposition {
 public:
  explicit Exposition(Format format)
      : openmetrics_(format == Format::openmetrics) {}

  void add(const prometheus::MetricFamily& family);
  // All of it; to be called once.
  std::string take();

 private:
  void sample(std::string_view name, const prometheus::ClientMetric& metric,
              const std::string& more, double value);
  void add_histogram(const std::string& name,
                     const prometheus::ClientMetric& metric);

  const bool openmetrics_;
  std::string out_;
};

}  // namespace stillframe::metrics
