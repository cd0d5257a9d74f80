// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/glob.h"

#include <benchmark/benchmark.h>

namespace stillframe::policy {
namespace {

void path_glob(benchmark::State& state, const char* pattern, const char* path) {
  const auto glob = PathGlob::compile(pattern);
  for (auto _ : state) benchmark::DoNotOptimize(glob->matches(path));
}
BENCHMARK_CAPTURE(path_glob, prefix, "/var/lib/data/**",
                  "/var/lib/data/base/1/1259");
BENCHMARK_CAPTURE(path_glob, other, "/var/lib/data/**",
                  "/usr/lib/python3/dist-packages/m.py");
BENCHMARK_CAPTURE(path_glob, middle, "/**/__pycache__/*.pyc",
                  "/usr/lib/python3/dist-packages/__pycache__/m.pyc");
// What makes a matcher slow that tries each way.
BENCHMARK_CAPTURE(path_glob, hostile, "/a*a*a*a*a*a*b",
                  "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");

}  // namespace
}  // namespace stillframe::policy
