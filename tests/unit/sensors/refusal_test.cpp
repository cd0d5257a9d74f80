// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/refusal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

namespace stillframe::sensors {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Case {
  const char* name;
  Refusal refusal;
  const char* meaning;  // a part of it
  const char* fix;      // a part of it; "": there is none
};

class RefusalTest : public ::testing::TestWithParam<Case> {};

TEST_P(RefusalTest, SaysWhatItMeansAndWhatHelps) {
  const auto [meaning, fix] = explain(GetParam().refusal);
  EXPECT_THAT(meaning, HasSubstr(GetParam().meaning));
  if (*GetParam().fix == '\0') {
    EXPECT_THAT(fix, IsEmpty());
  } else {
    EXPECT_THAT(fix, HasSubstr(GetParam().fix));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Answers, RefusalTest,
    ::testing::Values(
        Case{"no_hierarchy",
             {"cgroup/sysctl", 0, ""},
             "no cgroup v2 hierarchy is mounted",
             "mount cgroup v2"},
        Case{"no_tracepoint",
             {"tp_btf/ctime_ns_xchg", 0, ""},
             "no BTF tracepoint ctime_ns_xchg",
             "newer kernel"},
        Case{"no_overlay_types",
             {"fexit/ovl_create", 0, ""},
             "no type information of overlay's ovl_create",
             "modprobe overlay"},
        Case{"no_function",
             {"fexit/vfs_set_acl", 0, ""},
             "no function vfs_set_acl",
             ""},
        Case{"policy",
             {"fexit/ovl_create", EPERM, ""},
             "does not allow trampoline (fexit) programs",
             "lockdown"},
        Case{"verifier",
             {"fexit/ovl_create", EACCES, "R2 invalid mem access 'scalar'"},
             "did not take a trampoline (fexit) program",
             "kernel's version"},
        Case{"missing_field",
             {"tp_btf/x", EINVAL,
              "failed to resolve CO-RE relocation <byte_off> [82] struct a.b"},
             "lacks a field",
             "kernel's version"},
        Case{"helper",
             {"cgroup/sysctl", EINVAL, "unknown func bpf_get_current_task#35"},
             "lacks a BPF helper",
             "newer kernel"},
        Case{"too_large",
             {"tp_btf/x", E2BIG, ""},
             "too large",
             "kernel's version"},
        Case{"no_symbol",
             {"kprobe/ovl_inode_update", ENOENT, ""},
             "ovl_inode_update",
             "modprobe overlay"},
        Case{"no_direct_calls",
             {"fentry/d_move", 524, ""},
             "cannot attach",
             "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS"},
        Case{"memory", {"", ENOMEM, ""}, "no memory", "limit"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(RefusalText, NamesProgramErrorAndAnswer) {
  EXPECT_EQ(to_string({"fexit/a", EPERM, "why"}),
            "fexit/a: Operation not permitted: why");
  EXPECT_EQ(to_string({"tp_btf/a", 0, ""}), "tp_btf/a");
}

}  // namespace
}  // namespace stillframe::sensors
