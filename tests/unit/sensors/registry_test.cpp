// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stillframe::sensors {
namespace {

using ::testing::ElementsAre;
using ::testing::StrEq;

TEST(Registry, NamesTheSensorsInDoctorsOrder) {
  EXPECT_THAT(sensor_names(),
              ElementsAre(StrEq("lifecycle"), StrEq("files"), StrEq("code"),
                          StrEq("libraries"), StrEq("memory"), StrEq("mounts"),
                          StrEq("limits"), StrEq("kernel")));
}

TEST(Registry, MakesEachSensorUnderItsName) {
  const LimitWatch limits(system_clock());
  const auto sensors = make_sensors(
      {[](TrialGround) -> Result<std::set<FileOp>> { return fail("none"); },
       limits});
  ASSERT_EQ(sensors.size(), sensor_names().size());
  for (std::size_t i = 0; i < sensors.size(); ++i) {
    EXPECT_EQ(sensors[i]->missed_runs(), 0u);
  }
}

}  // namespace
}  // namespace stillframe::sensors
