// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/updates.h"

#include <gtest/gtest.h>

namespace stillframe::engine::test {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kNow = 1000 * kSecond;

Runs::Run run(std::uint64_t id) { return {id, "apt", "apt-get install x", {}}; }

MutationEvent changed(std::uint64_t update, const std::string& path,
                      bool in_session = true) {
  MutationEvent event;
  event.kind = Kind::file_create;
  event.path = path;
  event.time.ns = 5;
  Actor actor;
  actor.origin = in_session ? Origin::exec : Origin::host;
  actor.tool = "apt";
  actor.update = update;
  if (in_session) actor.session = Session{};
  event.actor = SharedActor(std::move(actor));
  return event;
}

TEST(Updates, OneRunIsOneUpdate) {
  Updates updates;
  const Update* begun = updates.changed(changed(7, "/a"), run(7), kNow);
  ASSERT_NE(begun, nullptr);
  EXPECT_EQ(begun->command, "apt-get install x");
  EXPECT_EQ(updates.changed(changed(7, "/b"), run(7), kNow), nullptr);
  EXPECT_EQ(updates.changed(changed(7, "/b"), run(7), kNow), nullptr);
  EXPECT_FALSE(updates.take_over(kNow + 60 * kSecond, false));
  updates.ended(7, {9}, kNow);
  const auto over = updates.take_over(kNow + kSecond, false);
  ASSERT_TRUE(over);
  EXPECT_EQ(over->id, 7u);
  EXPECT_FALSE(updates.take_over(kNow + kSecond, false));  // only once
  const Update* ended =
      updates.finish(7, {{"dpkg", "x", "1", false}}, kNow + kSecond);
  ASSERT_NE(ended, nullptr);
  EXPECT_EQ(ended->paths, 2u);
  EXPECT_EQ(ended->ended.ns, 9);
  EXPECT_EQ(updates.finish(7, {}, kNow + kSecond), nullptr);
  // What a scan finds only now is no other update.
  EXPECT_EQ(updates.changed(changed(7, "/c"), run(7), kNow), nullptr);
  EXPECT_EQ(updates.list().size(), 1u);
}

TEST(Updates, WaitForAScanButNotForever) {
  Updates updates;
  updates.changed(changed(7, "/a"), run(7), kNow);
  updates.ended(7, {9}, kNow);
  EXPECT_FALSE(updates.take_over(kNow + kSecond, true));
  EXPECT_TRUE(updates.take_over(kNow + 6 * kSecond, true));
}

TEST(Updates, AnEndThatCameBeforeTheChangeIsKnown) {
  Updates updates;
  updates.ended(7, {9}, kNow);
  const Update* begun =
      updates.changed(changed(7, "/a"), run(7), kNow + kSecond);
  ASSERT_NE(begun, nullptr);
  EXPECT_EQ(begun->ended.ns, 9);
  EXPECT_TRUE(updates.take_over(kNow + 2 * kSecond, false));
}

TEST(Updates, FromOutsideTheyEndWhenNothingFollows) {
  Updates updates;
  updates.changed(changed(7, "/a", false), run(7), kNow);
  EXPECT_FALSE(updates.take_over(kNow + 9 * kSecond, false));
  updates.changed(changed(7, "/b", false), run(7), kNow + 9 * kSecond);
  EXPECT_FALSE(updates.take_over(kNow + 18 * kSecond, false));
  EXPECT_TRUE(updates.take_over(kNow + 20 * kSecond, false));
  EXPECT_NE(updates.finish(7, {}, kNow + 20 * kSecond)->ended.ns, 0);
}

// podman runs for the container's start before it copies, for one.
TEST(Updates, FromOutsideTheyBeginWithTheFirstChange) {
  for (const bool in_session : {true, false}) {
    Updates updates;
    Runs::Run early = run(7);
    early.start.ns = 1;
    const Update* begun =
        updates.changed(changed(7, "/a", in_session), early, kNow);
    ASSERT_NE(begun, nullptr);
    EXPECT_EQ(begun->started.ns, in_session ? 1 : 5);
  }
}

TEST(Updates, EndWithTheContainer) {
  Updates updates;
  updates.changed(changed(7, "/a"), run(7), kNow);
  updates.all_ended({9}, kNow);
  EXPECT_EQ(updates.take_over(kNow + kSecond, false)->id, 7u);
}

TEST(Updates, NameThePackagesToBeLookedUp) {
  Updates updates;
  updates.changed(changed(7, "/var/lib/dpkg/info/jq.list"), run(7), kNow);
  updates.changed(changed(7, "/var/lib/dpkg/info/jq.list"), run(7), kNow);
  updates.changed(changed(7, "/usr/bin/jq"), run(7), kNow);
  updates.ended(7, {9}, kNow);
  const auto over = updates.take_over(kNow + kSecond, false);
  ASSERT_EQ(over->packages.size(), 1u);
  EXPECT_EQ(over->packages[0].name, "jq");
}

TEST(Updates, PackagesAreLookedUpOneAfterAnotherWithPauses) {
  Updates updates;
  for (const std::uint64_t id : {7, 8}) {
    updates.changed(changed(id, "/var/lib/dpkg/info/jq.list"), run(id), kNow);
    updates.ended(id, {9}, kNow);
  }
  ASSERT_TRUE(updates.take_over(kNow + kSecond, false));
  EXPECT_FALSE(updates.take_over(kNow + kSecond, false));
  updates.finish(7, {}, kNow + 2 * kSecond);  // it took a second
  EXPECT_FALSE(updates.take_over(kNow + 11 * kSecond, false));
  EXPECT_EQ(updates.next_ns(false), kNow + 12 * kSecond);
  EXPECT_TRUE(updates.take_over(kNow + 12 * kSecond, false));
}

TEST(Updates, NobodyIsAskedForThoseThatWaitForAScan) {
  Updates updates;
  updates.changed(changed(7, "/a"), run(7), kNow);
  updates.ended(7, {9}, kNow);
  EXPECT_LE(updates.next_ns(false), kNow + kSecond);
  EXPECT_EQ(updates.next_ns(true), kNow + 5 * kSecond);
}

TEST(Updates, HoldNoMoreThanTheirBounds) {
  Updates updates;
  for (int i = 0; i < 5000; ++i) {
    updates.changed(changed(7, "/" + std::to_string(i)), run(7), kNow);
  }
  EXPECT_EQ(updates.list()[0].paths, Updates::kMaxPaths);
  EXPECT_TRUE(updates.list()[0].more_paths);
  for (std::uint64_t id = 100; id < 1100; ++id) {
    updates.changed(changed(id, "/x"), run(id), kNow);
  }
  EXPECT_EQ(updates.list().size(), Updates::kMaxOpen + Updates::kMaxPast);
}

}  // namespace
}  // namespace stillframe::engine::test
