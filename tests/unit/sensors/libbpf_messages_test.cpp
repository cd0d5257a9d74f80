// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/libbpf_messages.h"

#include <gtest/gtest.h>

namespace stillframe::sensors {
namespace {

struct Case {
  const char* name;
  const char* text;
  const char* complaint;
  const char* program;
};

class Messages : public ::testing::TestWithParam<Case> {};

TEST_P(Messages, SayWhyAndWhichProgram) {
  LibbpfMessages messages;
  messages.take("libbpf: earlier\n");
  messages.take(GetParam().text);
  EXPECT_EQ(messages.complaint(), GetParam().complaint);
  EXPECT_EQ(messages.failed_program(), GetParam().program);
  messages.clear();
  EXPECT_EQ(messages.complaint(), "");
  EXPECT_EQ(messages.failed_program(), "");
}

INSTANTIATE_TEST_SUITE_P(
    All, Messages,
    ::testing::Values(
        Case{"missing_type",
             "libbpf: prog 'a': failed to find kernel BTF type ID of 'f': -3\n",
             "prog 'a': failed to find kernel BTF type ID of 'f': -3", "a"},
        Case{"verifier",
             "libbpf: prog 'b': -- BEGIN PROG LOAD LOG --\n0: R1=ctx()\n"
             "R2 invalid mem access 'scalar'\nprocessed 1 insns (limit 9)\n"
             "-- END PROG LOAD LOG --\n",
             "R2 invalid mem access 'scalar'", "b"},
        // What came before says more.
        Case{"summary", "libbpf: prog 'c': BPF program load failed: EPERM\n",
             "earlier", "c"},
        Case{"object", "libbpf: failed to load object 'life'\n", "earlier", ""},
        Case{"guess", "libbpf: try raising 'ulimit -l'\n", "earlier", ""},
        Case{"empty", "", "earlier", ""}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace stillframe::sensors
