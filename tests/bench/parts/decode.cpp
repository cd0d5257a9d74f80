// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/decode.h"

#include <benchmark/benchmark.h>
#include <sys/stat.h>

#include <cstddef>
#include <cstring>
#include <string_view>

namespace stillframe::sensors {
namespace {

void decode_file_event(benchmark::State& state) {
  constexpr std::int64_t kBoot = 1'795'348'800'000'000'000;
  constexpr std::string_view kName = "10-main.conf";
  sf_file_event raw{};
  raw.header.version = SF_ABI_VERSION;
  raw.header.type = SF_EVENT_FILE;
  raw.header.time_ns = 1'000'000'000'000;
  raw.header.root = {7, 8, 9};
  raw.header.process.pid = 42;
  std::strcpy(raw.header.process.comm, "writer");
  raw.inode = {11, 12, 9};
  raw.parent = {13, 14, 9};
  raw.op = SF_OP_write;
  raw.mode = S_IFREG | 0644;
  raw.name_len = kName.size();
  std::memcpy(raw.text, kName.data(), kName.size());
  const std::size_t size = offsetof(sf_file_event, text) + kName.size();
  if (!decode(&raw, size, kBoot)) state.SkipWithError("refused");
  for (auto _ : state) benchmark::DoNotOptimize(decode(&raw, size, kBoot));
}
BENCHMARK(decode_file_event);

}  // namespace
}  // namespace stillframe::sensors
