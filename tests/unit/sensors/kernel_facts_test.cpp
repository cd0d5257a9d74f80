// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/kernel_facts.h"

#include <gtest/gtest.h>

namespace stillframe::sensors {
namespace {

TEST(KernelFacts, KnowWhoseLogAllocationsWouldFill) {
  struct {
    const char* release;
    bool warns;
  } const cases[] = {
      {"5.10.0-46-cloud-amd64", true},
      {"5.14.0-503.11.1.el9_5.x86_64", true},
      {"6.0.12", true},
      {"6.0-rc1", true},
      {"6.1.0-56-cloud-amd64", false},
      {"6.12.118+deb13-cloud-amd64", false},
      {"6.1", false},
      {"7.3.4", false},
      {"10.0", false},
      // Nothing is lost by allocating early.
      {"", true},
      {"6", true},
      {"six.one", true},
      {"6.", true},
  };
  for (const auto& each : cases) {
    EXPECT_EQ(allocates_with_warning(each.release), each.warns) << each.release;
  }
}

}  // namespace
}  // namespace stillframe::sensors
