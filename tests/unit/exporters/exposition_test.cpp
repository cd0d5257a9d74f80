// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/openmetrics.h"

#include <gtest/gtest.h>

#include <limits>

namespace stillframe::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

ClientMetric gauge(double value, std::vector<ClientMetric::Label> labels = {}) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.gauge.value = value;
  return metric;
}

ClientMetric counter(double value) {
  ClientMetric metric;
  metric.counter.value = value;
  return metric;
}

TEST(OpenMetrics, NothingIsAnEndAlone) {
  EXPECT_EQ(openmetrics_text({}), "# EOF\n");
}

TEST(OpenMetrics, ACounterIsNamedWithoutTotalAndItsSamplesWithIt) {
  EXPECT_EQ(openmetrics_text({{.name = "a_seconds_total",
                               .help = "Time.",
                               .type = MetricType::Counter,
                               .metric = {counter(1.5)}}}),
            "# TYPE a_seconds counter\n"
            "# UNIT a_seconds seconds\n"
            "# HELP a_seconds Time.\n"
            "a_seconds_total 1.5\n"
            "# EOF\n");
}

TEST(OpenMetrics, EscapesWhatWouldEndALineOrALabel) {
  EXPECT_EQ(openmetrics_text(
                {{.name = "a_bytes",
                  .help = "One\n\"two\" \\",
                  .type = MetricType::Gauge,
                  .metric = {gauge(1, {{"x", "\"\n\\{}"}, {"y", "ü"}})}}}),
            "# TYPE a_bytes gauge\n"
            "# UNIT a_bytes bytes\n"
            "# HELP a_bytes One\\n\\\"two\\\" \\\\\n"
            "a_bytes{x=\"\\\"\\n\\\\{}\",y=\"ü\"} 1\n"
            "# EOF\n");
}

TEST(OpenMetrics, AHistogramHasItsBoundsAsTheSpecificationWantsThem) {
  ClientMetric metric;
  metric.histogram.bucket = {{1, 0.5},
                             {2, 10},
                             {3, 604800},
                             {4, std::numeric_limits<double>::infinity()}};
  metric.histogram.sample_count = 4;
  metric.histogram.sample_sum = 12;
  EXPECT_EQ(openmetrics_text({{.name = "a",
                               .help = "",
                               .type = MetricType::Histogram,
                               .metric = {metric}}}),
            "# TYPE a histogram\n"
            "# HELP a \n"
            "a_bucket{le=\"0.5\"} 1\n"
            "a_bucket{le=\"10.0\"} 2\n"
            "a_bucket{le=\"604800.0\"} 3\n"
            "a_bucket{le=\"+Inf\"} 4\n"
            "a_count 4\n"
            "a_sum 12\n"
            "# EOF\n");
}

TEST(OpenMetrics, NumbersKeepTheirDigits) {
  const std::pair<double, const char*> cases[] = {
      {0, "0"},
      {281474976710655, "281474976710655"},
      {1795348800.000001, "1795348800.000001"},
      {-1, "-1"},
      {std::numeric_limits<double>::infinity(), "+Inf"},
      {-std::numeric_limits<double>::infinity(), "-Inf"},
      {std::numeric_limits<double>::quiet_NaN(), "NaN"}};
  for (const auto& [value, text] : cases) {
    EXPECT_EQ(
        openmetrics_text({{.name = "a",
                           .help = "x",
                           .type = MetricType::Gauge,
                           .metric = {gauge(value)}}}),
        std::string("# TYPE a gauge\n# HELP a x\na ") + text + "\n# EOF\n");
  }
}

TEST(OpenMetrics, IsGivenToThoseWhoPreferIt) {
  const std::pair<const char*, bool> cases[] = {
      {"", false},
      {"*/*", false},
      {"text/html,application/xhtml+xml,*/*;q=0.8", false},
      {"application/openmetrics-text", true},
      {"Application/OpenMetrics-Text ; Version=1.0.0 ; charset=utf-8", true},
      {"application/openmetrics-text; version=0.0.1", false},
      {"application/openmetrics-text; version=2.0.0", false},
      {"application/openmetrics-text;q=0", false},
      {"application/openmetrics-text;q=x", false},
      // Prometheus 2 and 3.
      {"application/openmetrics-text;version=1.0.0,application/"
       "openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,"
       "*/*;q=0.1",
       true},
      {"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
       "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version="
       "1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/"
       "*;q=0.2",
       true},
      {"text/plain;version=0.0.4;q=0.9,application/"
       "openmetrics-text;version=1.0.0;q=0.8",
       false},
      {"text/plain;version=0.0.4,application/openmetrics-text;version=1.0.0",
       true},
      {",;,;q=,=,application/openmetrics-text;;", true},
  };
  for (const auto& [accept, expected] : cases) {
    EXPECT_EQ(prefers_openmetrics(accept), expected) << accept;
  }
}

}  // namespace
}  // namespace stillframe::metrics
