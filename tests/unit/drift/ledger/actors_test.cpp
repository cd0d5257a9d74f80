// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/actors.h"

#include <gtest/gtest.h>

#include <set>

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
  in_session.session.emplace();
  in_session.session->id = 4;
  in_session.session->first_cmd = "sh";
  EXPECT_NE(table.intern(in_session), a);
  EXPECT_EQ(table.size(), 3u);
}

TEST(Actors, OneWithAnotherLoginIsAnother) {
  ActorTable table;
  auto one = actor("sh");
  const auto unknown = table.intern(one);
  one.login = Login{0, 1, ""};
  const auto root = table.intern(one);
  EXPECT_NE(root, unknown);
  auto other = one;
  other.login = Login{1000, 1, ""};
  EXPECT_NE(table.intern(other), root);
  EXPECT_EQ(in_common(one, other).login, std::nullopt);
  other.login = one.login;
  other.comm = "vi";
  EXPECT_EQ(in_common(one, other).login, one.login);
}

TEST(Actors, ASetKeepsTheMostRecentAtItsEnd) {
  ActorTable table;
  ActorSet set = 0;
  LeftOut left_out = 0;
  for (std::uint32_t pid = 1; pid <= 40; ++pid) {
    set =
        table.add(set, table.intern(actor("sh", Origin::exec, pid)), left_out);
  }
  EXPECT_EQ(left_out, 40 - ActorTable::kMaxPerSet);
  ASSERT_EQ(table.members(set).size(), ActorTable::kMaxPerSet);
  EXPECT_EQ(table.get(table.members(set).back()).pid, 40u);
  EXPECT_EQ(table.get(table.members(set).front()).pid, 25u);
  const auto back = table.intern(actor("sh", Origin::exec, 30));
  set = table.add(set, back, left_out);
  EXPECT_EQ(table.members(set).size(), ActorTable::kMaxPerSet);
  EXPECT_EQ(table.members(set).back(), back);
}

std::set<Origin> origins_of(const ActorTable& table, ActorSet set) {
  std::set<Origin> origins;
  for (const ActorId id : table.members(set)) {
    origins.insert(table.get(id).origin);
  }
  return origins;
}

TEST(Actors, NoOriginIsCrowdedOutByAnother) {
  ActorTable table;
  ActorSet set = 0;
  LeftOut left_out = 0;
  const auto session = table.intern(actor("sh", Origin::exec, 7));
  set = table.add(set, table.intern(actor("cp", Origin::host, 8)), left_out);
  set = table.add(set, session, left_out);
  for (std::uint32_t pid = 100; pid < 200; ++pid) {
    set = table.add(set, table.intern(actor("app", Origin::workload, pid)),
                    left_out);
  }
  const auto& members = table.members(set);
  EXPECT_EQ(members.size(), ActorTable::kMaxPerSet);
  EXPECT_EQ(members[1], session);
  EXPECT_EQ(origins_of(table, set),
            (std::set{Origin::host, Origin::exec, Origin::workload}));
  EXPECT_EQ(left_out, 102 - ActorTable::kMaxPerSet);
}

TEST(Actors, NorIsItWhereThereIsNoRoomForAnotherSet) {
  ActorTable table;
  LeftOut left_out = 0;
  const auto session = table.intern(actor("sh", Origin::exec, 7));
  ActorSet mine = table.add(0, session, left_out);
  const auto worker = [&](std::uint32_t pid) {
    return table.intern(actor("x", Origin::workload, pid));
  };
  for (std::uint32_t i = 0; i < ActorTable::kMaxSets; ++i) {
    const ActorSet one = table.add(0, worker(i / 256), left_out);
    table.add(one, worker(1000 + i % 256), left_out);
  }
  left_out = 0;
  mine =
      table.add(mine, table.intern(actor("x", Origin::workload, 3)), left_out);
  EXPECT_EQ(origins_of(table, mine),
            (std::set{Origin::exec, Origin::workload}));
  EXPECT_EQ(table.get(table.members(mine).back()).pid, 3u);
}

TEST(Actors, EqualSetsAreOne) {
  ActorTable table;
  const auto a = table.intern(actor("a"));
  const auto b = table.intern(actor("b"));
  LeftOut none = 0;
  const auto both = [&](ActorId first, ActorId second) {
    return table.add(table.add(0, first, none), second, none);
  };
  EXPECT_EQ(both(a, b), both(a, b));
  EXPECT_NE(both(a, b), both(b, a));
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
  LeftOut left_out = 0;
  for (std::uint32_t i = 0; i < 200'000; ++i) {
    set = table.add(
        set, table.intern(actor("x", Origin::exec, i * 7919 % 1000)), left_out);
    ASSERT_LE(set, ActorTable::kMaxSets + 1000);
  }
  EXPECT_FALSE(table.members(set).empty());
}

}  // namespace
}  // namespace stillframe::drift
