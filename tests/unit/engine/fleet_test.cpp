// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/fleet.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "agent/engine/context.h"
#include "tests/unit/engine/fakes.h"

namespace stillframe::engine::test {
namespace {

class Fleets : public ::testing::Test {
 protected:
  ContainerPtr container(const std::string& id, const std::string& name) {
    ContainerRecord record;
    record.info.id = id;
    record.info.name = name;
    return std::make_shared<Container>(context, std::move(record));
  }

  World world;
  Context context{world.settings, world.clock, world.kernel, world.source,
                  *world.events};
  Fleet fleet;
};

TEST_F(Fleets, FindsByIdWhoeverWasFirst) {
  const auto first = container("aaaa", "one");
  const auto second = container("aaaa", "two");
  fleet.add(first);
  fleet.add(second);
  EXPECT_EQ(fleet.by_id("aaaa"), first);
  fleet.remove(first);
  EXPECT_EQ(fleet.by_id("aaaa"), second);
  fleet.remove(second);
  EXPECT_EQ(fleet.by_id("aaaa"), nullptr);
}

TEST_F(Fleets, FindsByTheIdThatItHasNow) {
  const auto renamed = container("cgroup-7", "one");
  fleet.add(renamed);
  ContainerInfo info = renamed->info();
  info.id = "aaaa";
  renamed->set_info(info);
  fleet.index(renamed);
  EXPECT_EQ(fleet.by_id("aaaa"), renamed);
  EXPECT_EQ(fleet.by_id("cgroup-7"), nullptr);
}

TEST_F(Fleets, NamesakesAreOthersOfThatName) {
  const auto one = container("aaaa", "web");
  const auto other = container("bbbb", "web");
  for (const auto& each : {one, other, container("cccc", "db")}) {
    fleet.add(each);
  }
  EXPECT_EQ(fleet.namesakes(one), std::vector<ContainerPtr>{other});
}

}  // namespace
}  // namespace stillframe::engine::test
