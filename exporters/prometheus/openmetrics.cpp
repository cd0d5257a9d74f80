// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/openmetrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "agent/base/text.h"

namespace stillframe::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::string_view kTotal = "_total";

// As the specification has it of texts in quotes and of HELP.
std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else {
      if (c == '\\' || c == '"') out += '\\';
      out += c;
    }
  }
  return out;
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

// The bound of a bucket is a label, and 1 another one than 1.0: the
// specification wants this form.
std::string bound(double value) {
  std::string text = number(value);
  const bool whole = text.find_first_of(".eIN") == std::string::npos;
  return whole ? text + ".0" : text;
}

class Writer {
 public:
  void add(const MetricFamily& family) {
    const bool counter = family.type == MetricType::Counter;
    const bool histogram = family.type == MetricType::Histogram;
    // A family is named without what its samples end with.
    std::string_view name = family.name;
    if (counter) name.remove_suffix(kTotal.size());
    out_ += fmt::format("# TYPE {} {}\n", name,
                        counter     ? "counter"
                        : histogram ? "histogram"
                                    : "gauge");
    for (const std::string_view unit : {"seconds", "bytes"}) {
      if (ends_with(name, unit)) {
        out_ += fmt::format("# UNIT {} {}\n", name, unit);
      }
    }
    out_ += fmt::format("# HELP {} {}\n", name, escaped(family.help));
    for (const auto& metric : family.metric) {
      if (histogram) {
        add_histogram(family.name, metric);
      } else {
        sample(family.name, metric, "",
               counter ? metric.counter.value : metric.gauge.value);
      }
    }
  }
  std::string take() { return std::move(out_) + "# EOF\n"; }

 private:
  void sample(std::string_view name, const ClientMetric& metric,
              const std::string& more, double value) {
    out_ += name;
    if (!metric.label.empty() || !more.empty()) {
      char before = '{';
      for (const auto& [label, text] : metric.label) {
        out_ += before;
        out_ += label;
        out_ += "=\"";
        out_ += escaped(text);
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

  void add_histogram(const std::string& name, const ClientMetric& metric) {
    for (const auto& bucket : metric.histogram.bucket) {
      sample(name + "_bucket", metric,
             "le=\"" + bound(bucket.upper_bound) + '"',
             static_cast<double>(bucket.cumulative_count));
    }
    sample(name + "_count", metric, "",
           static_cast<double>(metric.histogram.sample_count));
    sample(name + "_sum", metric, "", metric.histogram.sample_sum);
  }

  std::string out_;
};

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// One item of an Accept header (RFC 9110, 12.5.1).
struct MediaRange {
  std::string name;
  std::string version;  // empty: any
  double weight = 1;
};

MediaRange read_range(std::string_view item) {
  MediaRange range;
  const auto parts = split(item, ';');
  range.name = to_lower(trimmed(parts.front()));
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const auto part = trimmed(parts[i]);
    const auto equals = part.find('=');
    if (equals == std::string_view::npos) continue;
    const auto key = to_lower(trimmed(part.substr(0, equals)));
    const auto value = trimmed(part.substr(equals + 1));
    if (key == "version") range.version = value;
    if (key != "q") continue;
    const char* end = value.data() + value.size();
    const auto read = std::from_chars(value.data(), end, range.weight);
    if (read.ec != std::errc() || read.ptr != end) range.weight = 0;
  }
  return range;
}

}  // namespace

std::string openmetrics_text(const std::vector<MetricFamily>& families) {
  Writer writer;
  for (const auto& family : families) writer.add(family);
  return writer.take();
}

bool prefers_openmetrics(std::string_view accept) {
  double openmetrics = 0;
  double text = 0;
  for (const auto& item : split(accept, ',')) {
    const MediaRange range = read_range(item);
    const bool any = range.version.empty();
    if (range.name == "application/openmetrics-text" &&
        (any || range.version == "1.0.0")) {
      openmetrics = std::max(openmetrics, range.weight);
    } else if (range.name == "text/plain" &&
               (any || range.version == "0.0.4")) {
      text = std::max(text, range.weight);
    }
  }
  return openmetrics > 0 && openmetrics >= text;
}

}  // namespace stillframe::metrics
