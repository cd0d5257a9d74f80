// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/policy.h"

#include <gtest/gtest.h>

#include <string>

namespace stillframe::policy {
namespace {

struct Case {
  std::string name;
  std::string path;
  Kind kind;
  Verdict verdict;
};

class Judge : public ::testing::TestWithParam<Case> {};

TEST_P(Judge, BuiltInScratchPlaces) {
  const auto& c = GetParam();
  const auto judged =
      Policy().judge({}, class_of(c.kind), c.kind, Origin::workload, c.path);
  EXPECT_EQ(judged.verdict, c.verdict) << c.path;
  EXPECT_EQ(judged.rule, "");
}

using std::string_literals::operator""s;

INSTANTIATE_TEST_SUITE_P(
    Places, Judge,
    ::testing::Values(
        Case{"tmp_itself", "/tmp", Kind::mode_change, Verdict::scratch},
        Case{"below_tmp", "/tmp/a/b", Kind::file_create, Verdict::scratch},
        Case{"var_tmp", "/var/tmp/x", Kind::file_write, Verdict::scratch},
        Case{"run", "/run/x.pid", Kind::file_create, Verdict::scratch},
        Case{"var_run", "/var/run/x", Kind::file_create, Verdict::scratch},
        Case{"dev", "/dev/null", Kind::device_create, Verdict::scratch},
        Case{"name_begins_alike", "/tmpfoo", Kind::file_create,
             Verdict::violation},
        Case{"root", "/", Kind::mode_change, Verdict::violation},
        Case{"etc", "/etc/passwd", Kind::file_write, Verdict::violation},
        Case{"tmp_elsewhere", "/etc/tmp/x", Kind::file_write,
             Verdict::violation},
        Case{"relative", "tmp/x", Kind::file_write, Verdict::violation},
        Case{"climbs_out", "/tmp/../etc/x", Kind::file_write,
             Verdict::violation},
        Case{"climbs_at_end", "/tmp/..", Kind::mode_change, Verdict::violation},
        Case{"dots_in_a_name", "/tmp/..x", Kind::file_create, Verdict::scratch},
        Case{"newline_in_name", "/tmp/a\n/etc", Kind::file_create,
             Verdict::scratch},
        Case{"not_utf8", "/tmp/\xff"s, Kind::file_create, Verdict::scratch},
        Case{"empty", "", Kind::file_create, Verdict::violation},
        Case{"code_in_tmp", "/tmp/x", Kind::exec_new, Verdict::violation},
        Case{"library_in_tmp", "/tmp/x.so", Kind::library_new,
             Verdict::violation},
        Case{"script_in_run", "/run/x.sh", Kind::script_changed,
             Verdict::violation},
        Case{"mount_on_tmp", "/tmp", Kind::mount_change, Verdict::violation},
        Case{"memory", "/dev/x", Kind::memory_write, Verdict::violation},
        Case{"sysctl", "/proc/sys/net/x", Kind::sysctl_write,
             Verdict::violation}),
    [](const auto& info) { return info.param.name; });

TEST(Policy, ListsItsScratchPlaces) {
  EXPECT_EQ(Policy().scratch(),
            (std::vector<std::string>{"/tmp/**", "/var/tmp/**", "/run/**",
                                      "/var/run/**", "/dev/**"}));
}

}  // namespace
}  // namespace stillframe::policy
