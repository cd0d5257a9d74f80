// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/samples.h"

#include <cassert>
#include <limits>

#include "agent/base/text.h"
#include "agent/base/utf8.h"

namespace stillframe::metrics {
namespace {

constexpr std::size_t kLongestLabel = 512;

}  // namespace

std::string label_value(std::string_view bytes) {
  return std::string(
      cut_utf8(printable(cut_utf8(bytes, kLongestLabel)), kLongestLabel));
}

Samples::Samples(const std::vector<std::string_view>& labels,
                 prometheus::MetricType type)
    : labels_(labels), type_(type) {}

void Samples::add(const std::vector<std::string_view>& values, double value) {
  assert(values.size() == labels_.size());
  prometheus::ClientMetric made;
  made.label.reserve(values.size());
  std::string key;
  for (std::size_t i = 0; i < values.size(); ++i) {
    made.label.push_back({std::string(labels_[i]), label_value(values[i])});
    key += made.label.back().value;
    key += '\0';
  }
  const auto [at, is_new] = index_.try_emplace(std::move(key), metrics_.size());
  if (is_new) metrics_.push_back(std::move(made));
  prometheus::ClientMetric& metric = metrics_[at->second];
  if (type_ == prometheus::MetricType::Counter) {
    metric.counter.value += value;
  } else if (is_new) {
    metric.gauge.value = value;
  }
}

void Samples::add(const Histogram& histogram) {
  prometheus::ClientMetric metric;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
    total += histogram.counts[i];
    if (i < histogram.bounds.size()) {
      metric.histogram.bucket.push_back({total, histogram.bounds[i]});
    }
  }
  metric.histogram.bucket.push_back(
      {total, std::numeric_limits<double>::infinity()});
  metric.histogram.sample_count = total;
  metric.histogram.sample_sum = histogram.sum;
  metrics_.push_back(std::move(metric));
}

}  // namespace stillframe::metrics
