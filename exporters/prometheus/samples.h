// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <prometheus/metric_family.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/model/snapshot.h"

namespace stillframe::metrics {

// Collects the samples of one metric. Label values are untrusted: they are made
// printable UTF-8 and cut to 512 bytes here, and when two sets of values become
// the same by that, they become one sample (counters add up, of gauges the
// first stays): a repeated series would make Prometheus refuse the entire
// scrape.
class Samples {
 public:
  // `labels` must outlive this.
  Samples(const std::vector<std::string_view>& labels,
          prometheus::MetricType type);

  // `values` in the order of the labels.
  void add(const std::vector<std::string_view>& values, double value);
  void add(double value) { add({}, value); }
  void add(const Histogram& histogram);

  std::vector<prometheus::ClientMetric> take() { return std::move(metrics_); }

 private:
  const std::vector<std::string_view>& labels_;
  prometheus::MetricType type_;
  std::vector<prometheus::ClientMetric> metrics_;
  // Where in metrics_ the series is that has these values: one after the other,
  // each with an end that no printable text has.
  std::unordered_map<std::string, std::size_t> index_;
};

// Printable UTF-8 of at most 512 bytes.
std::string label_value(std::string_view bytes);

}  // namespace stillframe::metrics
