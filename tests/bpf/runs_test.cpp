// SPDX-License-Identifier: Apache-2.0
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <string_view>

#include "tests/bpf/inlines.h"

namespace stillframe::sensors {
namespace {

using Runs = Inlines;
INSTANTIATE_TEST_SUITE_P(Reads, Runs, ::testing::Bool(), reads);

struct RunCase {
  const char* name;
  const char* comm;
  std::uint64_t session;
  std::uint64_t within;  // what the process was part of
  unsigned tool;         // of the run that it is part of then
  bool first;            // which it has begun
  bool reported;
};

TEST_P(Runs, AreOfTheOutermostTool) {
  constexpr std::uint64_t kStart = 7;
  const std::uint64_t within_apt = sf_run(kStart, std::uint64_t{SF_TOOL_APT});
  const std::uint64_t within_script =
      sf_run(kStart, std::uint64_t{SF_TOOL_INTERPRETER});
  const RunCase cases[] = {
      {"a tool", "dpkg", 5, 0, SF_TOOL_DPKG, true, true},
      {"one with a long name", "ansible-playboo", 5, 0, SF_TOOL_ANSIBLE, true,
       true},
      {"no tool", "touch", 5, 0, SF_TOOL_NONE, false, false},
      {"no tool within one", "touch", 5, within_apt, SF_TOOL_APT, false, false},
      {"a tool within one", "dpkg", 5, within_apt, SF_TOOL_APT, false, false},
      {"a tool within a script", "apt", 5, within_script, SF_TOOL_APT, true,
       true},
      {"a script within one", "python3", 5, within_script, SF_TOOL_INTERPRETER,
       true, true},
      {"a script within a tool", "python3", 5, within_apt, SF_TOOL_APT, false,
       false},
      {"a workload's", "apt-get", 0, 0, SF_TOOL_APT, true, false},
      {"a workload's script", "python3", 0, 0, SF_TOOL_NONE, false, false},
  };
  constexpr std::pair<std::string_view, std::uint32_t> programs[] = {
      {"apt", SF_TOOL_APT},
      {"apt-get", SF_TOOL_APT},
      {"dpkg", SF_TOOL_DPKG},
      {"ansible-playboo", SF_TOOL_ANSIBLE},
      {"python3", SF_TOOL_INTERPRETER}};
  for (const auto& [program, tool] : programs) {
    std::array<char, SF_COMM_LEN> key{};
    program.copy(key.data(), key.size());
    put(object_->maps.tools, key, tool);
  }
  std::array<char, SF_COMM_LEN> own{};
  ::prctl(PR_GET_NAME, own.data());
  const auto self = static_cast<std::uint32_t>(::getpid());
  const std::uint32_t child = self + 1;
  for (const RunCase& one : cases) {
    // A longer name before it, of which nothing may be left.
    ::prctl(PR_SET_NAME, "a-longer-name-x");
    ::prctl(PR_SET_NAME, one.comm);
    put(object_->maps.processes, self,
        sf_followed{one.session, 8, 0, start_ticks_of(self), one.within});
    put(object_->maps.processes, child,
        sf_followed{one.session, 8, 0, 1, std::uint64_t{0}});
    test_tool test{};
    test.root.ino = 1;
    test.child = child;
    run(object_->progs.tool, test);
    EXPECT_EQ(sf_run_tool(test.run), one.tool) << one.name;
    EXPECT_EQ(sf_run_start(test.run) == kStart, one.within != 0 && !one.first)
        << one.name;
    EXPECT_EQ((test.flags & SF_FOLLOWED_RUN) != 0, one.reported) << one.name;
    sf_followed inherited{};
    ASSERT_EQ(bpf_map_lookup_elem(bpf_map__fd(object_->maps.processes), &child,
                                  &inherited),
              0);
    EXPECT_EQ(inherited.run, test.run) << one.name;
  }
  ::prctl(PR_SET_NAME, own.data());
}

}  // namespace
}  // namespace stillframe::sensors
