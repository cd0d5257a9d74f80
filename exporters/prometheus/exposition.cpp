// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/exposition.h"

#include <fmt/format.h>

#include <cmath>
#include <string_view>

#include "agent/base/text.h"

namespace stillframe::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::string_view kTotal = "_total";

// Escapes a line's end and a backslash, and quotes where the text stands in
// some.
void add_escaped(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else {
      if (c == '\\' || (c == '"' && quotes)) out += '\\';
      out += c;
    }
  }
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

// The bound of a bucket is a label, and 1 another one than 1.0: OpenMetrics
// wants this form.
std::string bound(double value) {
  std::string text = number(value);
  const bool whole = text.find_first_of(".eIN") == std::string::npos;
  return whole ? text + ".0" : text;
}

}  // namespace

void Exposition::add(const MetricFamily& family) {
  const bool counter = family.type == MetricType::Counter;
  const bool histogram = family.type == MetricType::Histogram;
  // OpenMetrics names a family without what its samples end with.
  std::string_view name = family.name;
  if (counter && openmetrics_) name.remove_suffix(kTotal.size());
  out_ += fmt::format("# TYPE {} {}\n", name,
                      counter     ? "counter"
                      : histogram ? "histogram"
                                  : "gauge");
  for (const std::string_view unit : {"seconds", "bytes"}) {
    if (openmetrics_ && ends_with(name, unit)) {
      out_ += fmt::format("# UNIT {} {}\n", name, unit);
    }
  }
  out_ += fmt::format("# HELP {} ", name);
  add_escaped(out_, family.help, openmetrics_);
  out_ += '\n';
  for (const auto& metric : family.metric) {
    if (histogram) {
      add_histogram(family.name, metric);
    } else {
      sample(family.name, metric, "",
             counter ? metric.counter.value : metric.gauge.value);
    }
  }
}

std::string Exposition::take() {
  if (openmetrics_) out_ += "# EOF\n";
  return std::move(out_);
}

void Exposition::sample(std::string_view name, const ClientMetric& metric,
                        const std::string& more, double value) {
  out_ += name;
  if (!metric.label.empty() || !more.empty()) {
    char before = '{';
    for (const auto& [label, text] : metric.label) {
      out_ += before;
      out_ += label;
      out_ += "=\"";
      add_escaped(out_, text, true);
      out_ += '"';
      before = ',';
    }
    if (!more.empty()) out_ += before + more;
    out_ += '}';
  }
  out_ += ' ';
  out_ += number(value);
  out_ += '\n';
}

void Exposition::add_histogram(const std::string& name,
                               const ClientMetric& metric) {
  for (const auto& bucket : metric.histogram.bucket) {
    sample(name + "_bucket", metric,
           "le=\"" +
               (openmetrics_ ? bound(bucket.upper_bound)
                             : number(bucket.upper_bound)) +
               '"',
           static_cast<double>(bucket.cumulative_count));
  }
  sample(name + "_count", metric, "",
         static_cast<double>(metric.histogram.sample_count));
  sample(name + "_sum", metric, "", metric.histogram.sample_sum);
}

}  // namespace stillframe::metrics
