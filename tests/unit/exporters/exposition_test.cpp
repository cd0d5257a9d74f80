// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/exposition.h"

#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <set>

#include "agent/base/text.h"

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

std::string exposition(const std::vector<MetricFamily>& families,
                       Format format) {
  Exposition text(format);
  for (const auto& family : families) text.add(family);
  return text.take();
}

std::string openmetrics_text(const std::vector<MetricFamily>& families) {
  return exposition(families, Format::openmetrics);
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

TEST(TextFormat, IsWhatTheLibraryWouldWrite) {
  ClientMetric histogram;
  histogram.histogram.bucket = {
      {1, 0.5}, {2, 10}, {4, std::numeric_limits<double>::infinity()}};
  histogram.histogram.sample_count = 4;
  histogram.histogram.sample_sum = 12.25;
  const std::vector<MetricFamily> families = {
      {.name = "a_seconds_total",
       .help = "Time.",
       .type = MetricType::Counter,
       .metric = {counter(1.5)}},
      {.name = "b_bytes",
       .help = "x",
       .type = MetricType::Gauge,
       .metric = {gauge(1795348800, {{"x", "\"\n\\{}"}, {"y", "ü"}}),
                  gauge(-1, {{"x", ""}, {"y", "z"}})}},
      {.name = "c",
       .help = "y",
       .type = MetricType::Histogram,
       .metric = {histogram}}};
  const auto lines_of = [](const std::string& text) {
    std::multiset<std::string> lines;
    for (const auto& line : split(text, '\n')) lines.emplace(line);
    return lines;
  };
  EXPECT_EQ(lines_of(exposition(families, Format::text)),
            lines_of(prometheus::TextSerializer().Serialize(families)));
}

TEST(TextFormat, EscapesHelpButForQuotes) {
  EXPECT_EQ(exposition({{.name = "a_total",
                         .help = "\"x\"\n\\",
                         .type = MetricType::Counter,
                         .metric = {counter(1)}}},
                       Format::text),
            "# TYPE a_total counter\n# HELP a_total \"x\"\\n\\\\\na_total 1\n");
}

}  // namespace
}  // namespace stillframe::metrics
