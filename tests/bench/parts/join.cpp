// SPDX-License-Identifier: Apache-2.0
//
// What operations report and what scans find, put together: a directory that
// gets so many files, and the diff of them.
#include <benchmark/benchmark.h>

#include <string>

#include "tests/unit/drift/ledger/world.h"

namespace stillframe::drift {
namespace {

void create_files(test::World& world, std::int64_t count) {
  world.put("/d", 3, Change::added, test::kDirectory);
  const Actor who = test::actor("sh");
  for (std::int64_t i = 0; i < count; ++i) {
    const std::string path = "/d/f" + std::to_string(i);
    const std::uint64_t ino = 10 + static_cast<std::uint64_t>(i);
    world.put(path, ino, Change::added);
    world.drift->observe(world.seen(FileOp::create, path, ino), who);
  }
}

void join(benchmark::State& state) {
  for (auto _ : state) {
    test::World world;
    create_files(world, state.range(0));
    world.settle();
    if (world.events.empty()) state.SkipWithError("nothing is reported");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(join)->Arg(1000)->Arg(10000)->Unit(benchmark::kMillisecond);

void diff(benchmark::State& state) {
  test::World world;
  create_files(world, state.range(0));
  world.settle();
  for (auto _ : state) benchmark::DoNotOptimize(world.drift->diff());
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(diff)->Arg(1000)->Arg(10000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace stillframe::drift
