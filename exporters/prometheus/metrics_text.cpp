// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/metrics_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace stillframe::metrics {
namespace {

// Mutated containers first, then those of unknown state; of the same state the
// running ones first: whoever floods the machine with containers must not push
// the mutated one out of sight.
int rank(const ContainerView& view) {
  const int state = view.state == ContainerState::mutated   ? 0
                    : view.state == ContainerState::unknown ? 1
                                                            : 2;
  return 2 * state + (view.running ? 0 : 1);
}

std::vector<const ContainerView*> shown(const Snapshot& snapshot,
                                        std::size_t most) {
  std::vector<const ContainerView*> views;
  views.reserve(snapshot.containers.size());
  for (const auto& view : snapshot.containers) views.push_back(&view);
  if (views.size() <= most) return views;
  std::stable_sort(
      views.begin(), views.end(),
      [](const auto* a, const auto* b) { return rank(*a) < rank(*b); });
  views.resize(most);
  return views;
}

std::string_view type_name(prometheus::MetricType type) {
  switch (type) {
    case prometheus::MetricType::Counter:
      return "counter";
    case prometheus::MetricType::Histogram:
      return "histogram";
    default:
      return "gauge";
  }
}

std::string joined(const std::vector<std::string_view>& labels) {
  std::string out;
  for (const auto label : labels) {
    out += fmt::format("{}`{}`", out.empty() ? "" : ", ", label);
  }
  return out;
}

}  // namespace

SnapshotCollector::SnapshotCollector(Sources sources, BuildInfo build,
                                     std::size_t max_containers)
    : sources_(std::move(sources)),
      build_(std::move(build)),
      max_containers_(max_containers) {}

void SnapshotCollector::each(
    const std::function<void(const prometheus::MetricFamily&)>& take) const {
  const SnapshotPtr snapshot = sources_.snapshot();
  if (snapshot == nullptr) return;
  ScrapeInput input{.snapshot = *snapshot,
                    .containers = shown(*snapshot, max_containers_),
                    .overflow = 0,
                    .build = build_,
                    .phase = sources_.phase(),
                    .journal = sources_.journal(),
                    .journald = sources_.journald(),
                    .web = sources_.web(),
                    .self = std::nullopt};
  input.overflow = snapshot->containers.size() - input.containers.size();
  if (const auto self = read_self_metrics()) input.self = *self;

  for (const auto& section : metric_table()) {
    for (const auto& spec : section.metrics) {
      Samples samples(spec.labels, spec.type);
      spec.fill(input, samples);
      const prometheus::MetricFamily family{.name = std::string(spec.name),
                                            .help = std::string(spec.help),
                                            .type = spec.type,
                                            .metric = samples.take()};
      if (!family.metric.empty()) take(family);
    }
  }
}

std::string metrics_markdown() {
  std::string out =
      "# Metrics\n\n"
      "Generated from exporters/prometheus/metric_table.cpp by the build "
      "target `metrics_doc`; do not edit.\n";
  for (const auto& section : metric_table()) {
    out += fmt::format(
        "\n## {}\n\n{}\n\n| Metric | Type | Labels | Unit | Meaning |\n"
        "|---|---|---|---|---|\n",
        section.title, section.note);
    for (const auto& spec : section.metrics) {
      out += fmt::format("| `{}` | {} | {} | {} | {} |\n", spec.name,
                         type_name(spec.type), joined(spec.labels), spec.unit,
                         spec.help);
    }
  }
  return out;
}

}  // namespace stillframe::metrics
