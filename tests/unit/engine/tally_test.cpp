// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/tally.h"

#include <gtest/gtest.h>

#include <set>

namespace stillframe::engine::test {
namespace {

MutationEvent by_exec(std::uint64_t session, const char* tool) {
  MutationEvent event;
  event.kind = Kind::file_write;
  Actor actor;
  actor.origin = Origin::exec;
  actor.tool = tool;
  actor.session = Session{};
  actor.session->id = session;
  event.actor = SharedActor(std::move(actor));
  return event;
}

ContainerInfo container(const char* id, const char* workload) {
  ContainerInfo info;
  info.id = id;
  info.workload = workload;
  return info;
}

TEST(Tally, UpdatesCountBesideTheirMutations) {
  Tally tally(1000);
  const auto web = container("a", "web");
  for (int i = 0; i < 6; ++i) tally.mutation(web, by_exec(1, "apt"));
  tally.update(web, "apt");
  Snapshot snapshot;
  tally.fill(snapshot);
  EXPECT_EQ((snapshot.in_place_updates[{"", "web", "apt"}]), 1u);
  EXPECT_EQ((snapshot.mutations[{"", "web", Kind::file_write, Origin::exec,
                                 Verdict::violation}]),
            6u);
}

TEST(Tally, WorkloadsBeyondTheCapCountTogether) {
  Tally tally(1000);
  for (int i = 0; i < 1200; ++i) {
    const std::string name = "w" + std::to_string(i);
    tally.mutation(container("a", name.c_str()), by_exec(1, ""));
  }
  Snapshot snapshot;
  tally.fill(snapshot);
  EXPECT_EQ(snapshot.mutations.size(), 1001u);
  EXPECT_EQ((snapshot.mutations[{"", "_other", Kind::file_write, Origin::exec,
                                 Verdict::violation}]),
            200u);
}

constexpr std::uint64_t kMinuteNs = 60'000'000'000;

ContainerView view_of(const ContainerInfo& info) {
  ContainerView view;
  view.info = info;
  return view;
}

std::vector<std::string> workloads(const Tally& tally) {
  Snapshot snapshot;
  tally.fill(snapshot);
  std::vector<std::string> names;
  for (const auto& [key, count] : snapshot.mutations) {
    names.push_back(std::get<1>(key));
  }
  return names;
}

using Names = std::vector<std::string>;

TEST(Tally, WhoIsIdleGoesWhenThereIsNoRoom) {
  Tally tally(2);
  const auto web = container("a", "web");
  tally.look({}, kMinuteNs);
  tally.mutation(web, by_exec(1, ""));
  tally.mutation(container("b", "old"), by_exec(1, ""));
  tally.update(container("b", "old"), "apt");
  tally.replacement(container("b", "old"), true);
  for (std::uint64_t minute = 2; minute <= 62; ++minute) {
    tally.look({view_of(web)}, minute * kMinuteNs);
    // The hour begins with the first look that does not find it in use.
    if (minute < 62) {
      tally.mutation(container("c", "new"), by_exec(1, ""));
      ASSERT_EQ(workloads(tally), (Names{"_other", "old", "web"})) << minute;
    }
  }
  tally.mutation(container("c", "new"), by_exec(1, ""));
  EXPECT_EQ(workloads(tally), (Names{"_other", "new", "web"}));
  Snapshot snapshot;
  tally.fill(snapshot);
  EXPECT_TRUE(snapshot.in_place_updates.empty());
  EXPECT_TRUE(snapshot.replacements.empty());
}

TEST(Tally, NobodyGoesWhileThereIsRoom) {
  Tally tally(3);
  tally.look({}, kMinuteNs);
  tally.mutation(container("a", "web"), by_exec(1, ""));
  tally.look({}, 1000 * kMinuteNs);
  tally.look({}, 2000 * kMinuteNs);
  tally.mutation(container("b", "new"), by_exec(1, ""));
  EXPECT_EQ(workloads(tally), (Names{"new", "web"}));
}

// A container with a name of its own every second, for three hours.
TEST(Tally, NewNamesMakeNoMoreSeriesAnHourThanThereIsRoom) {
  constexpr std::size_t kRoom = 10;
  Tally tally(kRoom);
  std::set<std::string> seen;
  for (std::uint64_t second = 1; second <= 3 * 3600; ++second) {
    const auto one = container("a", ("w" + std::to_string(second)).c_str());
    tally.mutation(one, by_exec(1, ""));
    tally.look({view_of(one)}, second * kMinuteNs / 60);
    if (second % 60 != 0) continue;
    for (const auto& name : workloads(tally)) seen.insert(name);
    ASSERT_LE(workloads(tally).size(), kRoom + 1);
  }
  // Those of three hours, and `_other`.
  EXPECT_LE(seen.size(), 3 * kRoom + 1);
  Snapshot snapshot;
  tally.fill(snapshot);
  EXPECT_GT((snapshot.mutations[{"", "_other", Kind::file_write, Origin::exec,
                                 Verdict::violation}]),
            10'000u);
}

TEST(Tally, LifetimesFallIntoTheirBucket) {
  Tally tally(1000);
  tally.mutated_lifetime(10);
  tally.mutated_lifetime(11);
  tally.mutated_lifetime(1e9);
  Snapshot snapshot;
  tally.fill(snapshot);
  const auto& lifetime = snapshot.mutated_lifetime;
  EXPECT_EQ(lifetime.counts.front(), 1u);
  EXPECT_EQ(lifetime.counts[1], 1u);
  EXPECT_EQ(lifetime.counts.back(), 1u);
}

}  // namespace
}  // namespace stillframe::engine::test
