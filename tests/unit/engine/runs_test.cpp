// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/runs.h"

#include <gtest/gtest.h>

#include "bpf/tools.h"

namespace stillframe::engine::test {
namespace {

std::uint64_t number(std::uint64_t start, unsigned tool) {
  return sf_run(start, std::uint64_t{tool});
}

RunObservation began(std::uint64_t run, std::uint64_t within,
                     const char* command) {
  RunObservation seen;
  seen.within = within;
  seen.command = command;
  seen.process.run = run;
  seen.process.start_ns = sf_run_start(run) * 1000;
  return seen;
}

// A run of the tree, each within the one before it, and who names it.
TEST(Runs, TheOutermostToolNamesTheTree) {
  struct Case {
    const char* name;
    std::vector<std::pair<unsigned, const char*>> tree;
    const char* tool;
    std::uint64_t id;
  };
  const Case cases[] = {
      {"apt", {{SF_TOOL_APT, "apt-get install x"}}, "apt", 1},
      {"pip", {{SF_TOOL_INTERPRETER, "python3 -m pip install x"}}, "pip", 1},
      {"a module of Ansible",
       {{SF_TOOL_INTERPRETER, "python3 /root/.ansible/tmp/a/AnsiballZ_apt.py"},
        {SF_TOOL_APT, "apt-get install x"}},
       "ansible",
       1},
      {"a script that is no tool",
       {{SF_TOOL_INTERPRETER, "python3 deploy.py"},
        {SF_TOOL_APT, "apt-get install x"}},
       "apt",
       2},
      {"a tool run by a script of another",
       {{SF_TOOL_INTERPRETER, "python3 deploy.py"},
        {SF_TOOL_INTERPRETER, "python3 -m pip install x"},
        {SF_TOOL_INTERPRETER, "python3 setup.py"}},
       "pip",
       2},
      {"no tool", {{SF_TOOL_INTERPRETER, "python3 check.py"}}, "", 1},
  };
  for (const auto& one : cases) {
    Runs runs;
    std::uint64_t within = 0;
    std::uint64_t start = 0;
    for (const auto& [tool, command] : one.tree) {
      const std::uint64_t run = number(++start, tool);
      runs.started(began(run, within, command));
      within = run;
    }
    const auto found = runs.find(within);
    EXPECT_EQ(found.tool, one.tool) << one.name;
    EXPECT_EQ(found.id, one.id) << one.name;
    if (one.id <= one.tree.size()) {
      EXPECT_EQ(found.command, one.tree[one.id - 1].second) << one.name;
    }
  }
}

TEST(Runs, AnInterpreterThatRunsAnotherInItsOwnProcessIsBoth) {
  Runs runs;
  const std::uint64_t run = number(1, SF_TOOL_INTERPRETER);
  runs.started(began(run, 0, "python3 -m pip install x"));
  runs.started(began(run, run, "python3 setup.py"));
  EXPECT_EQ(runs.find(run).tool, "pip");
}

TEST(Runs, OneWhoseStartWasMissedIsKnownByItsNumber) {
  const Runs runs;
  EXPECT_EQ(runs.find(number(5, SF_TOOL_DPKG)).tool, "dpkg");
  EXPECT_EQ(runs.find(number(5, SF_TOOL_DPKG)).id, 5u);
  EXPECT_EQ(runs.find(number(5, 200)).tool, "");
}

TEST(Runs, ADaemonIsLeftBehind) {
  Runs runs;
  EXPECT_FALSE(runs.over(7, 100));
  runs.ended(7, 100);
  EXPECT_FALSE(runs.over(7, 5'000'000'100));
  EXPECT_TRUE(runs.over(7, 5'000'000'101));
  EXPECT_FALSE(runs.over(8, 5'000'000'101));
}

TEST(Runs, WhatComesSoonAfterIsTheSame) {
  Runs runs;
  const Runs::Run first{1, "cp", "podman", {}};
  const Runs::Run later{2, "cp", "podman", {}};
  EXPECT_EQ(runs.join("web cp", first, 100).id, 1u);
  EXPECT_EQ(runs.join("web cp", later, 100 + kOneUpdateNs).id, 1u);
  EXPECT_EQ(runs.join("db cp", later, 101).id, 2u);
  EXPECT_EQ(runs.join("web cp", later, 101 + 2 * kOneUpdateNs).id, 2u);
}

TEST(Runs, HoldsNoMoreThanItsBound) {
  Runs runs;
  for (std::uint64_t i = 1; i <= 10'000; ++i) {
    runs.started(began(number(i, SF_TOOL_INTERPRETER), 0, "python3 -m pip"));
  }
  EXPECT_EQ(runs.find(number(1, SF_TOOL_INTERPRETER)).tool, "");
  EXPECT_EQ(runs.find(number(10'000, SF_TOOL_INTERPRETER)).tool, "pip");
}

}  // namespace
}  // namespace stillframe::engine::test
