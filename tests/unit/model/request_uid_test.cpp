// SPDX-License-Identifier: Apache-2.0
#include "agent/model/request_uid.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace stillframe::test {
namespace {

using namespace std::string_view_literals;

struct Case {
  const char* name;
  std::string_view arguments;
  std::string_view environment;
  std::string_view expected;
};

constexpr Case kCases[] = {
    {"none", "sh\0-c\0id\0"sv, "A=b\0"sv, ""},
    {"environment", "sh\0"sv, "A=b\0SPO_EXEC_REQUEST_UID=7a\0C=d\0"sv, "7a"},
    {"without its end", "sh"sv, "SPO_EXEC_REQUEST_UID=7a"sv, "7a"},
    {"another name", "sh"sv, "XSPO_EXEC_REQUEST_UID=7a"sv, ""},
    {"within a value", "sh"sv, "A=SPO_EXEC_REQUEST_UID=7a"sv, ""},
    {"env", "env\0SPO_EXEC_REQUEST_UID=7a\0sh\0"sv, ""sv, "7a"},
    {"env by path", "/usr/bin/env\0-i\0A=b\0SPO_EXEC_REQUEST_UID=7a\0sh\0"sv,
     ""sv, "7a"},
    {"busybox", "/bin/busybox\0env\0SPO_EXEC_REQUEST_UID=7a\0sh\0"sv, ""sv,
     "7a"},
    {"env has the last word", "env\0SPO_EXEC_REQUEST_UID=7a\0sh\0"sv,
     "SPO_EXEC_REQUEST_UID=6\0"sv, "7a"},
    {"an argument of the program", "env\0sh\0SPO_EXEC_REQUEST_UID=7a\0"sv, ""sv,
     ""},
    {"an argument of another", "echo\0SPO_EXEC_REQUEST_UID=7a\0"sv, ""sv, ""},
    {"empty parts", "\0\0"sv, "\0\0SPO_EXEC_REQUEST_UID=\0"sv, ""},
};

TEST(RequestUid, IsWhatTheProgramWillFindInItsEnvironment) {
  for (const auto& c : kCases) {
    EXPECT_EQ(request_uid(c.arguments, c.environment), c.expected) << c.name;
  }
}

TEST(RequestUid, IsBounded) {
  const std::string long_one =
      "SPO_EXEC_REQUEST_UID=" + std::string(10'000, 'x');
  EXPECT_EQ(request_uid("", long_one), std::string(kMaxRequestUid, 'x'));
}

}  // namespace
}  // namespace stillframe::test
