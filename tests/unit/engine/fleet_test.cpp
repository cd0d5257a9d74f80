// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/fleet.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <utility>

#include "agent/engine/context.h"
#include "tests/unit/engine/fakes.h"

namespace stillframe::engine::test {
namespace {

ContainerInfo named(const std::string& id, const std::string& space = "") {
  ContainerInfo info;
  info.id = id;
  info.space = space;
  return info;
}

class Fleets : public ::testing::Test {
 protected:
  ContainerPtr container(const std::string& id, const std::string& name) {
    ContainerRecord record;
    record.info.id = id;
    record.info.name = name;
    return std::make_shared<Container>(context, std::move(record));
  }

  World world;
  Context context{world.settings, world.clock,   world.kernel,
                  world.source,   *world.events, *world.archive};
  Fleet fleet;
};

TEST_F(Fleets, FindsByIdWhoeverWasFirst) {
  const auto first = container("aaaa", "one");
  const auto second = container("aaaa", "two");
  fleet.add(first);
  fleet.add(second);
  EXPECT_EQ(fleet.by_id(named("aaaa")), first);
  fleet.remove(first);
  EXPECT_EQ(fleet.by_id(named("aaaa")), second);
  fleet.remove(second);
  EXPECT_EQ(fleet.by_id(named("aaaa")), nullptr);
}

TEST_F(Fleets, FindsByTheIdThatItHasNow) {
  const auto renamed = container("cgroup-7", "one");
  fleet.add(renamed);
  ContainerInfo info = renamed->info();
  info.id = "aaaa";
  renamed->set_info(info);
  fleet.index(renamed);
  EXPECT_EQ(fleet.by_id(named("aaaa")), renamed);
  EXPECT_EQ(fleet.by_id(named("cgroup-7")), nullptr);
}

TEST_F(Fleets, TheSameIdInTwoNamespacesIsTwoContainers) {
  const auto in = [&](const std::string& space) {
    ContainerRecord record;
    record.info = named("web", space);
    record.info.name = "web";
    auto one = std::make_shared<Container>(context, std::move(record));
    fleet.add(one);
    return one;
  };
  const auto first = in("default");
  const auto second = in("other");
  EXPECT_EQ(fleet.by_id(named("web", "default")), first);
  EXPECT_EQ(fleet.by_id(named("web", "other")), second);
  EXPECT_EQ(fleet.by_id(named("web")), nullptr);
  EXPECT_EQ(fleet.choose("other/web").value(), second);
  const auto both = fleet.choose("web");
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().message,
            "web means several containers (default/web, other/web): give the "
            "namespace, too");
  fleet.remove(first);
  EXPECT_EQ(fleet.choose("web").value(), second);
}

TEST_F(Fleets, NamesakesAreOthersOfThatName) {
  const auto one = container("aaaa", "web");
  const auto other = container("bbbb", "web");
  for (const auto& each : {one, other, container("cccc", "db")}) {
    fleet.add(each);
  }
  EXPECT_EQ(fleet.namesakes(one), std::vector<ContainerPtr>{other});
}

TEST_F(Fleets, ATurnIsForThoseAloneThatSomethingHappenedTo) {
  World quiet;
  for (const char* id : {"aaaa", "bbbb"}) quiet.live(quiet.make(id));
  quiet.settle();
  const auto shown = [&] { return quiet.core->take_snapshot(); };
  const auto before = shown();
  ASSERT_EQ(before->containers.size(), 2u);
  const auto record = quiet.source.known.at("bbbb");
  World::write(record, "new");
  quiet.core->observe(quiet.wrote(record, "new"));
  quiet.settle();
  const auto after = shown();
  EXPECT_EQ(&after->containers[0], &before->containers[0]);
  EXPECT_NE(&after->containers[1], &before->containers[1]);
  EXPECT_EQ(after->containers[1].state, ContainerState::mutated);
}

TEST_F(Fleets, WhoeverIsStirredIsDueUntilItsTurn) {
  const auto one = container("aaaa", "one");
  fleet.add(one);
  const std::uint64_t now = world.clock.boot_ns();
  struct Case {
    const char* what;
    std::function<void(Container&)> done;
  };
  const Case cases[] = {
      {"at first", [](Container&) {}},
      {"met", [](Container& c) { c.meet(c.record(), 0); }},
      {"started", [](Container& c) { c.start(0); }},
      {"stopped", [&](Container& c) { c.stop(now); }},
      {"renamed",
       [](Container& c) {
         ContainerInfo info = c.info();
         info.name += "-new";
         c.set_info(info);
       }},
      {"asked about", [](Container& c) { c.check_existence_soon(); }},
      {"its rootfs not found", [&](Container& c) { c.rootfs_not_found(now); }},
      {"scanned", [&](Container& c) { c.regular_scan_done(now); }},
  };
  for (const auto& [what, done] : cases) {
    done(*one);
    EXPECT_EQ(fleet.due(now), std::vector<ContainerPtr>{one}) << what;
    const auto shown = one->view();
    EXPECT_EQ(one->view(), shown) << what;
    one->existence_checked(now);
    one->rootfs_not_found(now);
    one->turned();
    EXPECT_TRUE(fleet.due(now).empty()) << what;
    EXPECT_NE(one->view(), shown) << what;
  }
  one->set_info(one->info());
  EXPECT_TRUE(fleet.due(now).empty()) << "nothing new";
}

}  // namespace
}  // namespace stillframe::engine::test
