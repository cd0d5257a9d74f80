// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/device_rules.h"

#include <gtest/gtest.h>

#include <string>

namespace stillframe::containers {
namespace {

struct Case {
  std::string name;
  std::string list;
  DeviceObservation asked;
  bool allowed;
};

class DeviceRules : public testing::TestWithParam<Case> {};

TEST_P(DeviceRules, SayWhatIsAllowed) {
  EXPECT_EQ(device_allowed(GetParam().list, GetParam().asked),
            GetParam().allowed);
}

DeviceObservation write_disk() {
  DeviceObservation asked;
  asked.block = true;
  asked.major = 8;
  asked.minor = 1;
  asked.write = true;
  return asked;
}

DeviceObservation make_node() {
  DeviceObservation asked;
  asked.major = 10;
  asked.minor = 200;
  asked.make = true;
  return asked;
}

INSTANTIATE_TEST_SUITE_P(
    All, DeviceRules,
    testing::Values(
        Case{"all", "a *:* rwm\n", write_disk(), true},
        Case{"none", "", write_disk(), false},
        Case{"the_device", "c 1:3 rwm\nb 8:1 rw\n", write_disk(), true},
        Case{"its_major", "b 8:* rwm\n", write_disk(), true},
        Case{"another", "b 8:2 rwm\n", write_disk(), false},
        Case{"a_longer_number", "b 8:11 rwm\n", write_disk(), false},
        Case{"only_reading", "b 8:1 r\n", write_disk(), false},
        Case{"of_the_other_type", "c 8:1 rwm\n", write_disk(), false},
        Case{"making_any", "b *:* m\nc *:* m\n", make_node(), true},
        Case{"making_is_not_writing", "b *:* m\n", write_disk(), false},
        Case{"broken", "b\nb 8\nb 8:1\n\n :::\n", write_disk(), false}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace stillframe::containers
