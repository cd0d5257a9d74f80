// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/actors.h"

#include <gtest/gtest.h>

#include "tests/unit/drift/ledger/world.h"

namespace stillframe::drift {
namespace {

using test::actor;

TEST(Actors, EachIsKeptOnce) {
  ActorTable table;
  const auto a = table.intern(actor("sh"));
  EXPECT_EQ(table.intern(actor("sh")), a);
  EXPECT_NE(table.intern(actor("sh", Origin::host)), a);
  auto in_session = actor("sh");
  in_session.session =
      Session{.id = 4, .first_cmd = "sh", .tty = "", .uid = 0, .start = {}};
  EXPECT_NE(table.intern(in_session), a);
  EXPECT_EQ(table.size(), 3u);
}

TEST(Actors, ASetKeepsTheMostRecentAtItsEnd) {
  ActorTable table;
  ActorSet set = 0;
  for (std::uint32_t pid = 1; pid <= 40; ++pid) {
    set = table.add(set, table.intern(actor("sh", Origin::exec, pid)));
  }
  ASSERT_EQ(table.members(set).size(), ActorTable::kMaxPerSet);
  EXPECT_EQ(table.get(table.members(set).back()).pid, 40u);
  EXPECT_EQ(table.get(table.members(set).front()).pid, 25u);
  const auto back = table.intern(actor("sh", Origin::exec, 30));
  set = table.add(set, back);
  EXPECT_EQ(table.members(set).size(), ActorTable::kMaxPerSet);
  EXPECT_EQ(table.members(set).back(), back);
}

TEST(Actors, EqualSetsAreOne) {
  ActorTable table;
  const auto a = table.intern(actor("a"));
  const auto b = table.intern(actor("b"));
  EXPECT_EQ(table.add(table.add(0, a), b), table.add(table.add(0, a), b));
  EXPECT_NE(table.add(table.add(0, a), b), table.add(table.add(0, b), a));
}

TEST(Actors, AForkBombBecomesOneActorPerProgram) {
  ActorTable table;
  for (std::uint32_t pid = 0; pid < 100'000; ++pid) {
    table.intern(actor("touch", Origin::workload, pid));
  }
  EXPECT_LE(table.size(), ActorTable::kMaxActors + 1);
  const auto& last =
      table.get(table.intern(actor("touch", Origin::workload, 77'777)));
  EXPECT_EQ(last.comm, "touch");
  EXPECT_EQ(last.pid, 0u);
}

TEST(Actors, EvenMadeUpNamesAreBounded) {
  ActorTable table;
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    table.intern(actor("x" + std::to_string(i), Origin::workload, i));
  }
  EXPECT_LE(table.size(), 2 * ActorTable::kMaxActors + 1);
  const auto& last = table.get(table.intern(actor("zzz", Origin::workload)));
  EXPECT_EQ(last.comm, "");
  EXPECT_EQ(last.origin, Origin::workload);
}

TEST(Actors, SetsAreBounded) {
  ActorTable table;
  ActorSet set = 0;
  for (std::uint32_t i = 0; i < 200'000; ++i) {
    set =
        table.add(set, table.intern(actor("x", Origin::exec, i * 7919 % 1000)));
    ASSERT_LE(set, ActorTable::kMaxSets + 1000);
  }
  EXPECT_FALSE(table.members(set).empty());
}

}  // namespace
}  // namespace stillframe::drift
