// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/tally.h"

#include <gtest/gtest.h>

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
  Tally tally;
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
  Tally tally;
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

TEST(Tally, LifetimesFallIntoTheirBucket) {
  Tally tally;
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
