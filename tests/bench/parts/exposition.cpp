// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "exporters/prometheus/exposition.h"
#include "exporters/prometheus/metrics_text.h"

namespace stillframe::metrics {
namespace {

void scrape(benchmark::State& state) {
  auto snapshot = std::make_shared<Snapshot>();
  for (int i = 0; i < state.range(0); ++i) {
    ContainerView view;
    view.state = i % 10 == 0 ? ContainerState::mutated : ContainerState::still;
    view.info.id = std::string(58, 'a') + std::to_string(100000 + i);
    view.info.name = "web-" + std::to_string(i);
    view.info.image = "registry.example/team/web:1";
    view.info.runtime = "podman";
    view.info.workload = "web";
    view.running = true;
    snapshot->containers.push_back(view);
  }
  const SnapshotCollector collector({.snapshot = [&] { return snapshot; },
                                     .phase = [] { return AgentPhase{}; },
                                     .journal = [] { return std::nullopt; },
                                     .journald = [] { return std::nullopt; },
                                     .web = [] { return std::nullopt; }},
                                    {}, 100000);
  std::size_t bytes = 0;
  for (auto _ : state) {
    Exposition text(Format::text);
    collector.each([&](const auto& family) { text.add(family); });
    bytes = text.take().size();
  }
  state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(scrape)->Arg(10)->Arg(100)->Arg(1000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace stillframe::metrics
