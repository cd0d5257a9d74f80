// SPDX-License-Identifier: Apache-2.0
#include "agent/privileges/capabilities.h"

#include <cap-ng.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>
#include <set>
#include <string>

#include "tests/unit/privileges/child.h"

namespace stillframe::privileges {
namespace {

#define SKIP_UNLESS_ROOT() \
  if (!missing_capabilities(Role::agent).empty()) GTEST_SKIP() << "needs root"

// The names of what this process has in one of its sets.
std::set<std::string> held(capng_type_t type) {
  std::set<std::string> names;
  ::capng_get_caps_process();
  for (unsigned one = 0; one <= CAP_LAST_CAP; ++one) {
    if (::capng_have_capability(type, one) == 0) continue;
    names.insert(::capng_capability_to_name(one));
  }
  return names;
}

using Names = std::set<std::string>;

// 0 where every set is as it should be, else the number of the first that is
// not.
int differs(const Names& kept) {
  if (held(CAPNG_EFFECTIVE) != kept) return 1;
  if (held(CAPNG_PERMITTED) != kept) return 2;
  if (!held(CAPNG_INHERITABLE).empty()) return 3;
  if (!held(CAPNG_AMBIENT).empty()) return 4;
  if (held(CAPNG_BOUNDING_SET) != kept) return 5;
  return 0;
}

TEST(Capabilities, AgentKeepsWhatItWorksWith) {
  SKIP_UNLESS_ROOT();
  EXPECT_EQ(result_of([] {
              if (!keep_capabilities(Role::agent)) return 9;
              return differs(
                  {"dac_read_search", "fowner", "sys_admin", "sys_ptrace"});
            }),
            0);
}

TEST(Capabilities, AgentKeepsLowPortsIfItListensThere) {
  SKIP_UNLESS_ROOT();
  EXPECT_EQ(result_of([] {
              if (!keep_capabilities(Role::agent, true)) return 9;
              return differs({"dac_read_search", "fowner", "net_bind_service",
                              "sys_admin", "sys_ptrace"});
            }),
            0);
}

TEST(Capabilities, TrialKeepsOnlyWhatMountsAndWrites) {
  SKIP_UNLESS_ROOT();
  EXPECT_EQ(result_of([] {
              if (!keep_capabilities(Role::trial)) return 9;
              return differs({"dac_override", "sys_admin"});
            }),
            0);
}

TEST(Capabilities, NothingIsGained) {
  SKIP_UNLESS_ROOT();
  EXPECT_EQ(result_of([] {
              if (!keep_capabilities(Role::trial)) return 9;
              if (!keep_capabilities(Role::agent)) return 8;
              return held(CAPNG_PERMITTED) == Names{"sys_admin"} ? 0 : 1;
            }),
            0);
}

TEST(Capabilities, MissingOnesAreNamed) {
  SKIP_UNLESS_ROOT();
  EXPECT_EQ(result_of([] {
              ::capng_clear(CAPNG_SELECT_CAPS);
              ::capng_update(
                  CAPNG_ADD,
                  static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED),
                  CAP_SYS_ADMIN);
              if (::capng_apply(CAPNG_SELECT_CAPS) != 0) return 9;
              const std::vector<std::string> agent{"CAP_DAC_READ_SEARCH",
                                                   "CAP_SYS_PTRACE"};
              const std::vector<std::string> trial{"CAP_DAC_OVERRIDE"};
              return (missing_capabilities(Role::agent) == agent ? 0 : 1) +
                     (missing_capabilities(Role::trial) == trial ? 0 : 2);
            }),
            0);
}

}  // namespace
}  // namespace stillframe::privileges
