// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/replacements.h"

#include <gtest/gtest.h>

#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace stillframe::engine::test {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kMinute = 60 * kSecond;

ContainerInfo named(const std::string& id, const std::string& name,
                    const std::string& image_id = "v1") {
  ContainerInfo info;
  info.id = id;
  info.name = name;
  info.workload = name;
  info.image = "localhost/web:latest";
  info.image_id = image_id;
  return info;
}

ContainerInfo replica(const std::string& id, const std::string& name,
                      const std::string& image_id = "v1") {
  ContainerInfo info = named(id, name, image_id);
  info.workload = "shop/web";
  return info;
}

// As podman names it when nobody else does.
ContainerInfo anonymous(const std::string& id) {
  ContainerInfo info = named(id, "brave_" + id);
  info.workload = "localhost/web";
  return info;
}

TEST(Replacements, TheNextOfTheSameNameReplaces) {
  Replacements all;
  EXPECT_FALSE(all.live(named("a", "web"), kSecond));
  all.exited(named("a", "web"), 2 * kSecond);
  EXPECT_FALSE(all.removed(named("a", "web"), 3 * kSecond));
  const auto found = all.live(named("b", "web", "v2"), 4 * kSecond);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->before.id, "a");
  EXPECT_EQ(found->after.id, "b");
  EXPECT_TRUE(found->image_changed);
}

ContainerInfo of_pod(const std::string& id, const std::string& uid,
                     const std::string& image_id = "v1") {
  ContainerInfo info = replica(id, "web", image_id);
  info.pod_namespace = "shop";
  info.pod = "web-0";
  info.labels["io.kubernetes.pod.uid"] = uid;
  return info;
}

// The kubelet makes what ended again, as often as it ends.
TEST(Replacements, WhatIsMadeAgainInItsPodIsARestart) {
  Replacements all;
  EXPECT_FALSE(all.live(of_pod("a", "one"), kSecond));
  all.exited(of_pod("a", "one"), 2 * kSecond);
  EXPECT_FALSE(all.live(of_pod("b", "one"), 3 * kSecond));
  all.removed(of_pod("a", "one"), 4 * kSecond);
  all.exited(of_pod("b", "one"), 5 * kSecond);
  all.removed(of_pod("b", "one"), 6 * kSecond);
  EXPECT_FALSE(all.live(of_pod("c", "one"), 7 * kSecond));
  all.exited(of_pod("c", "one"), 8 * kSecond);
  // The pod was given another image.
  const auto patched = all.live(of_pod("d", "one", "v2"), 9 * kSecond);
  ASSERT_TRUE(patched);
  EXPECT_EQ(patched->before.id, "c");
  all.exited(of_pod("d", "one", "v2"), 10 * kSecond);
  // Another pod of the same name, as a StatefulSet makes them.
  EXPECT_TRUE(all.live(of_pod("e", "two", "v2"), 11 * kSecond));
}

TEST(Replacements, TheSameNameInAnotherStoreIsSomebodyElse) {
  for (const std::string store : {"/one", "/two", ""}) {
    Replacements all;
    auto before = named("a", "web");
    auto after = named("b", "web");
    before.store = "/one";
    after.store = store;
    all.live(before, kSecond);
    all.exited(before, 2 * kSecond);
    EXPECT_EQ(all.live(after, 3 * kSecond).has_value(), store != "/two");
  }
}

TEST(Replacements, AnExitThatIsNotYetARemovalSuffices) {
  Replacements all;
  all.live(replica("a", "web-1"), kSecond);
  all.exited(replica("a", "web-1"), 2 * kSecond);
  EXPECT_TRUE(all.live(replica("b", "web-1"), 3 * kSecond));
  EXPECT_FALSE(all.removed(replica("a", "web-1"), 4 * kSecond));
  EXPECT_EQ(all.size(), 1u);
}

TEST(Replacements, TheImageIsComparedByIdThenByName) {
  struct Case {
    const char* before_id;
    const char* before_name;
    const char* after_id;
    const char* after_name;
    bool changed;
  };
  for (const Case& c : {Case{"1", "web:1", "1", "web:2", false},
                        Case{"1", "web:1", "2", "web:1", true},
                        Case{"", "web:1", "2", "web:1", false},
                        Case{"1", "web:1", "", "web:2", true}}) {
    Replacements all;
    auto before = named("a", "web", c.before_id);
    before.image = c.before_name;
    auto after = named("b", "web", c.after_id);
    after.image = c.after_name;
    all.live(before, kSecond);
    all.removed(before, 2 * kSecond);
    const auto found = all.live(after, 3 * kSecond);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->image_changed, c.changed) << c.before_id << c.after_id;
  }
}

TEST(Replacements, ARestartIsNone) {
  Replacements all;
  all.live(named("a", "web"), kSecond);
  all.exited(named("a", "web"), 2 * kSecond);
  EXPECT_FALSE(all.live(named("a", "web"), 3 * kSecond));
  EXPECT_FALSE(all.live(named("a", "web"), 4 * kSecond)) << "said twice";
}

TEST(Replacements, ARestartDoesNotFollowAnotherReplica) {
  Replacements all;
  all.live(replica("a", "web-1"), kSecond);
  all.live(replica("b", "web-2"), kSecond);
  all.exited(replica("a", "web-1"), 2 * kSecond);
  all.exited(replica("b", "web-2"), 2 * kSecond);
  EXPECT_FALSE(all.live(replica("a", "web-1"), 3 * kSecond));
  EXPECT_FALSE(all.removed(replica("b", "web-2"), 4 * kSecond));
}

TEST(Replacements, ScalingOutIsNone) {
  Replacements all;
  EXPECT_FALSE(all.live(replica("a", "web-1"), kSecond));
  EXPECT_FALSE(all.live(replica("b", "web-2"), 2 * kSecond));
  EXPECT_FALSE(all.live(anonymous("c"), 2 * kSecond));
  EXPECT_FALSE(all.live(anonymous("d"), 3 * kSecond));
}

TEST(Replacements, StartFirstCountsWhenTheOldOneIsRemoved) {
  Replacements all;
  all.live(replica("old", "web-1"), kSecond);
  EXPECT_FALSE(all.live(replica("new", "web-2", "v2"), 10 * kSecond));
  all.exited(replica("old", "web-1"), 20 * kSecond);
  const auto found = all.removed(replica("old", "web-1"), 30 * kSecond);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->after.id, "new");
  EXPECT_TRUE(found->image_changed);
  EXPECT_EQ(all.size(), 1u);
}

TEST(Replacements, ACrashBesideANewReplicaIsNone) {
  Replacements all;
  all.live(replica("a", "web-1"), kSecond);
  all.live(replica("b", "web-2"), 10 * kSecond);
  all.exited(replica("a", "web-1"), 20 * kSecond);
  EXPECT_FALSE(all.live(replica("a", "web-1"), 21 * kSecond));
}

TEST(Replacements, ScalingInLongAfterScalingOutIsNone) {
  Replacements all;
  all.live(replica("a", "web-1"), kSecond);
  all.live(replica("b", "web-2"), 2 * kSecond);
  EXPECT_FALSE(all.removed(replica("a", "web-1"), 6 * kMinute));
}

TEST(Replacements, OneContainerFollowsOneOnly) {
  Replacements all;
  all.live(replica("a", "web-1"), kSecond);
  all.live(replica("b", "web-2"), kSecond);
  all.live(replica("c", "web-3"), 10 * kSecond);
  EXPECT_TRUE(all.removed(replica("a", "web-1"), 20 * kSecond));
  EXPECT_FALSE(all.removed(replica("b", "web-2"), 21 * kSecond));
}

TEST(Replacements, ARollOfReplicasPairsByName) {
  Replacements all;
  all.live(replica("a1", "web-1", "v1"), kSecond);
  all.live(replica("b1", "web-2", "v2"), kSecond);
  all.removed(replica("a1", "web-1", "v1"), 2 * kSecond);
  all.removed(replica("b1", "web-2", "v2"), 3 * kSecond);
  const auto first = all.live(replica("a2", "web-1", "v2"), 4 * kSecond);
  const auto second = all.live(replica("b2", "web-2", "v2"), 5 * kSecond);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->before.id, "a1");
  EXPECT_TRUE(first->image_changed);
  EXPECT_EQ(second->before.id, "b1");
  EXPECT_FALSE(second->image_changed);
}

TEST(Replacements, OneThatMayNeverHaveRunIsFollowedByItsNamesakeOnly) {
  Replacements all;
  all.found_stopped(replica("a", "web-1"));
  all.found_stopped(replica("b", "web-2"));
  EXPECT_FALSE(all.live(replica("c", "web-3"), kSecond));
  EXPECT_TRUE(all.live(replica("d", "web-2"), 2 * kSecond));
}

TEST(Replacements, AnonymousOnesFollowAtOnceOrNotAtAll) {
  Replacements all;
  all.live(anonymous("a"), kSecond);
  all.live(anonymous("b"), 2 * kSecond);
  EXPECT_FALSE(all.removed(anonymous("a"), 3 * kSecond)) << "b was beside it";
  EXPECT_TRUE(all.live(anonymous("c"), 4 * kSecond));
  all.removed(anonymous("b"), 5 * kSecond);
  EXPECT_FALSE(all.live(anonymous("d"), 6 * kMinute)) << "long after";
}

TEST(Replacements, ANightWithoutTheServiceDoesNotMatter) {
  Replacements all;
  all.live(named("a", "web"), kSecond);
  all.removed(named("a", "web"), 2 * kSecond);
  EXPECT_TRUE(all.live(named("b", "web"), 600 * kMinute));
}

TEST(Replacements, AnOlderContainerReplacesNoYoungerOne) {
  Replacements all;
  auto older = replica("old", "web-1");
  older.created.ns = 1;
  auto younger = replica("young", "web-2");
  younger.created.ns = 2;
  all.live(younger, kSecond);
  all.removed(younger, 2 * kSecond);
  EXPECT_FALSE(all.live(older, 3 * kSecond));
}

TEST(Replacements, NamespacesAndUnknownWorkloadsStayApart) {
  Replacements all;
  auto blue = named("a", "web");
  blue.pod_namespace = "blue";
  auto green = named("b", "web");
  green.pod_namespace = "green";
  all.live(blue, kSecond);
  all.removed(blue, 2 * kSecond);
  EXPECT_FALSE(all.live(green, 3 * kSecond));

  auto unknown = named("c", "");
  all.live(unknown, kSecond);
  all.removed(unknown, 2 * kSecond);
  unknown.id = "d";
  EXPECT_FALSE(all.live(unknown, 3 * kSecond));
}

TEST(Replacements, AReusedIdIsAnotherContainer) {
  Replacements all;
  all.live(named("web", "web"), kSecond);
  all.removed(named("web", "web"), 2 * kSecond);
  EXPECT_TRUE(all.live(named("web", "web"), 3 * kSecond));
}

TEST(Replacements, WhatNothingFollowsIsForgottenInTheEnd) {
  Replacements all;
  for (std::size_t i = 0; i < Replacements::kMaxRemoved + 100; ++i) {
    const auto info = named(std::to_string(i), "job-" + std::to_string(i));
    all.live(info, kSecond + i);
    all.removed(info, kSecond + i + 1);
  }
  EXPECT_EQ(all.size(), Replacements::kMaxRemoved);
  EXPECT_FALSE(all.live(named("x", "job-0"), kMinute));
  EXPECT_TRUE(all.live(named("y", "job-1000"), kMinute));
}

// What renames do to who follows whom. Letters are containers, names stand for
// their workloads.
struct RenameCase {
  const char* name;
  std::vector<std::string> steps;
  const char* replaced;  // BEFORE>AFTER; empty: nobody
};

TEST(Replacements, ARenameLosesNone) {
  const RenameCase cases[] = {
      {"set aside, then removed",
       {"live a web", "rename a web-old", "live b web", "remove a web-old"},
       "a>b"},
      {"set aside and stopped first",
       {"live a web", "rename a web-old", "exit a web-old", "live b web"},
       "a>b"},
      {"set aside twice",
       {"live a web", "rename a x", "rename a y", "exit a y", "live b web"},
       "a>b"},
      {"started under another name, given the name at last",
       {"live a web", "live b web-new", "remove a web", "rename b web"},
       "a>b"},
      {"given the name before the end of the other is known",
       {"live a web", "live b web-new", "rename b web", "remove a web"},
       "a>b"},
      {"given the name, which changed nothing before",
       {"live a web", "rename a web", "live b db", "remove a web"},
       ""},
      {"two that only change names",
       {"live a web", "live b db", "rename a x", "rename b web"},
       ""},
      {"it has followed another already",
       {"live a web", "exit a web", "live b web", "live c db", "remove c db",
        "rename b db"},
       "a>b"},
      {"the name of one that ended long before it began",
       {"live a web", "remove a web", "wait", "live b x", "rename b web"},
       ""},
      {"a restart under a new name",
       {"live a web", "exit a web", "live a api", "exit a api", "live b web"},
       "a>b"},
  };
  for (const RenameCase& one : cases) {
    SCOPED_TRACE(one.name);
    Replacements all;
    std::string replaced;
    std::uint64_t now = kMinute;
    for (const auto& step : one.steps) {
      now += step == "wait" ? 2 * Replacements::kOverlapNs : kSecond;
      std::istringstream words(step);
      std::string what;
      std::string id;
      std::string name;
      words >> what >> id >> name;
      const auto info = named(id, name);
      std::optional<Replacement> found;
      if (what == "live") found = all.live(info, now);
      if (what == "exit") all.exited(info, now);
      if (what == "remove") found = all.removed(info, now);
      if (what == "rename") found = all.renamed(info);
      if (found) replaced += found->before.id + ">" + found->after.id;
    }
    EXPECT_EQ(replaced, one.replaced);
  }
}

}  // namespace
}  // namespace stillframe::engine::test
