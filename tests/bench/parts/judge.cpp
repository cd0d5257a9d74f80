// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "agent/policy/policy.h"

namespace stillframe::policy {
namespace {

// With so many rules about other paths before the one that decides.
void judge(benchmark::State& state) {
  std::vector<Rule> rules;
  for (int i = 0; i < state.range(0); ++i) {
    Rule rule;
    rule.name = "rule-" + std::to_string(i);
    Entry entry;
    entry.paths = {*PathGlob::compile("/srv/" + rule.name + "/**")};
    rule.allow = {entry};
    rules.push_back(rule);
  }
  const Policy policy(built_in_scratch(), rules);
  ContainerInfo container;
  container.name = "web";
  for (auto _ : state) {
    benchmark::DoNotOptimize(policy.judge(container, Class::content,
                                          Kind::file_write, Origin::exec,
                                          "/etc/app/config.d/10-main.conf"));
  }
}
BENCHMARK(judge)->Arg(0)->Arg(10)->Arg(100);

}  // namespace
}  // namespace stillframe::policy
