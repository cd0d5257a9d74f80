// SPDX-License-Identifier: Apache-2.0
//
// A first look at an upper directory, and one where nothing changed since.
#include <benchmark/benchmark.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "agent/drift/scan/scanner.h"

namespace stillframe::drift {
namespace {

namespace fs = std::filesystem;

class Upper : public benchmark::Fixture {
 public:
  void SetUp(const benchmark::State& state) override {
    std::string pattern = fs::temp_directory_path() / "bench-scan.XXXXXX";
    base_ = ::mkdtemp(pattern.data());
    layers_.upper = base_ / "upper";
    layers_.lower = {base_ / "lower"};
    fs::create_directories(base_ / "lower");
    for (std::int64_t i = 0; i < state.range(0); ++i) {
      const fs::path directory =
          base_ / "upper" / ("d" + std::to_string(i / 100));
      if (i % 100 == 0) fs::create_directories(directory);
      std::ofstream(directory / ("f" + std::to_string(i))) << "x";
    }
  }
  void TearDown(const benchmark::State&) override { fs::remove_all(base_); }

 protected:
  fs::path base_;
  OverlayLayers layers_;
};

BENCHMARK_DEFINE_F(Upper, first_scan)(benchmark::State& state) {
  for (auto _ : state) {
    Scanner scanner(layers_, nullptr, system_clock());
    benchmark::DoNotOptimize(scanner.scan({}));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK_REGISTER_F(Upper, first_scan)
    ->Arg(1000)
    ->Arg(10000)
    ->Unit(benchmark::kMillisecond);

BENCHMARK_DEFINE_F(Upper, scan_again)(benchmark::State& state) {
  Scanner scanner(layers_, nullptr, system_clock());
  scanner.scan({});
  for (auto _ : state) benchmark::DoNotOptimize(scanner.scan({}));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK_REGISTER_F(Upper, scan_again)
    ->Arg(1000)
    ->Arg(10000)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace stillframe::drift
