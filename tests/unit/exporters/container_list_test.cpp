// SPDX-License-Identifier: Apache-2.0
#include "exporters/socket/container_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/exporters/fake_agent.h"

namespace stillframe::socket_api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// One that runs, two that do not, and one that went in the grace of metrics.
Snapshot machine() {
  Snapshot snapshot;
  snapshot.containers = {
      test::make_container("1", "runs"), test::make_container("2", "stopped"),
      test::make_container("3", "broken"), test::make_container("4", "going")};
  snapshot.containers.edit(1).running = false;
  snapshot.containers.edit(2).running = false;
  snapshot.containers.edit(2).state = ContainerState::mutated;
  snapshot.containers.edit(3).gone = true;
  return snapshot;
}

std::vector<DiffAnswer> kept() {
  DiffAnswer last;
  last.container = test::make_container("4", "gone");
  last.container.running = false;
  last.gone = Gone{.since = test::kNoon, .as_of = test::kNoon};
  return {last};
}

std::vector<std::string> names(const ContainerList& list) {
  std::vector<std::string> out;
  for (const auto& row : list.rows) out.push_back(row.view.info.name);
  return out;
}

Query query(const std::multimap<std::string, std::string>& parameters) {
  return *parse_query(parameters);
}

TEST(ContainerListTest, HasThoseThatRunAndCountsTheRest) {
  const auto list =
      list_containers(machine(), {}, query({{"output", "table"}}));
  EXPECT_THAT(names(list), ElementsAre("runs"));
  EXPECT_EQ(list.stopped, 2u);
  EXPECT_EQ(list.stopped_mutated, 1u);
}

TEST(ContainerListTest, HasStoppedOnesForPrograms) {
  const auto list = list_containers(machine(), {}, query({{"output", "json"}}));
  EXPECT_THAT(names(list), ElementsAre("runs", "stopped", "broken"));
}

TEST(ContainerListTest, HasAllWhereThatIsAskedFor) {
  const auto list = list_containers(machine(), kept(), query({{"all", "1"}}));
  EXPECT_THAT(names(list), ElementsAre("runs", "stopped", "broken", "gone"));
  EXPECT_EQ(list.stopped, 0u);
  EXPECT_EQ(list.rows[2].gone, std::nullopt);
  EXPECT_EQ(list.rows[3].gone, kept()[0].gone);
}

TEST(ContainerListTest, HasStoppedOnesWhereTheFilterIsAboutThat) {
  const auto list =
      list_containers(machine(), {}, query({{"filter", "running=false"}}));
  EXPECT_THAT(names(list), ElementsAre("stopped", "broken"));
}

TEST(ContainerListTest, CountsOnlyWhatTheFilterWants) {
  const auto list = list_containers(
      machine(), {}, query({{"filter", "name=stop"}, {"filter", "name=none"}}));
  EXPECT_THAT(list.rows, IsEmpty());
  EXPECT_EQ(list.stopped, 1u);
  EXPECT_EQ(list.stopped_mutated, 0u);
}

TEST(ContainerListTest, IsInTheOrderAskedFor) {
  Snapshot snapshot;
  snapshot.containers = {
      test::make_container("1", "b"), test::make_container("2", "a"),
      test::make_container("3", "c"), test::make_container("4", "")};
  auto& mutated = snapshot.containers.edit(0);
  mutated.state = ContainerState::mutated;
  mutated.mutated_paths = 10;
  mutated.first_mutation = test::kNoon;
  mutated.started = {test::kNoon.ns + 1};
  auto& other = snapshot.containers.edit(2);
  other.state = ContainerState::mutated;
  other.mutated_paths = 9;
  other.last_actor = test::make_actor();
  snapshot.containers.edit(1).state = ContainerState::unknown;
  const auto sorted = [&](const char* by) {
    return names(list_containers(snapshot, {}, query({{"sort", by}})));
  };
  EXPECT_THAT(sorted("name"), ElementsAre("a", "b", "c", ""));
  EXPECT_THAT(sorted("-name"), ElementsAre("c", "b", "a", ""));
  EXPECT_THAT(sorted("state"), ElementsAre("b", "c", "a", ""));
  EXPECT_THAT(sorted("-state"), ElementsAre("", "a", "b", "c"));
  EXPECT_THAT(sorted("-paths"), ElementsAre("b", "c", "", "a"));
  EXPECT_THAT(sorted("-container"), ElementsAre("", "c", "a", "b"));
  EXPECT_THAT(sorted("last-actor"), ElementsAre("c", "b", "a", ""));
  EXPECT_THAT(sorted("first-mutation"), ElementsAre("b", "a", "c", ""));
  EXPECT_THAT(sorted("age"), ElementsAre("b", "a", "c", ""));
  EXPECT_THAT(sorted("-started"), ElementsAre("b", "a", "c", ""));
  for (const char* same :
       {"image", "image-id", "namespace", "pod", "runtime", "workload"}) {
    EXPECT_THAT(sorted(same), ElementsAre("b", "a", "c", "")) << same;
  }
}

TEST(ContainerOrder, TakesAColumnAsItsHeadIsWritten) {
  EXPECT_TRUE(ContainerOrder::parse("NAME"));
  EXPECT_TRUE(ContainerOrder::parse("-Last-Actor"));
}

TEST(ContainerOrder, NamesTheColumnsWhenThereIsNoSuch) {
  for (const char* text : {"", "-", "SIZE", "size", "\x1b"}) {
    const auto order = ContainerOrder::parse(text);
    ASSERT_FALSE(order) << text;
    EXPECT_THAT(order.error().message, HasSubstr("container, namespace, pod"));
    EXPECT_EQ(order.error().message.find('\x1b'), std::string::npos);
  }
}

}  // namespace
}  // namespace stillframe::socket_api
