// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/mount_table.h"

#include <gtest/gtest.h>

namespace stillframe::drift {
namespace {

MountEntry root() {
  return {.id = 10,
          .dev = 1,
          .root = "/",
          .target = "/",
          .type = "overlay",
          .source = "overlay",
          .options = "rw,relatime"};
}

MountEntry data() {
  return {.id = 20,
          .dev = 2,
          .root = "/srv/data",
          .target = "/data",
          .type = "ext4",
          .source = "/dev/sda1",
          .options = "rw,relatime"};
}

MountEntry tmpfs(const std::string& target) {
  return {.id = 30,
          .dev = 3,
          .root = "/",
          .target = target,
          .type = "tmpfs",
          .source = "tmpfs",
          .options = "rw"};
}

MountEntry with(MountEntry entry, auto change) {
  change(entry);
  return entry;
}

MountEntry unique(MountEntry entry, std::uint64_t id) {
  return with(std::move(entry), [id](auto& m) { m.unique_id = id; });
}

struct Case {
  std::string name;
  std::vector<MountEntry> before;
  std::vector<MountEntry> now;
  MountDifferences expected;
};

class Compare : public ::testing::TestWithParam<Case> {};

TEST_P(Compare, FindsWhatIsDifferent) {
  const auto& c = GetParam();
  const auto found = compare_mounts(c.before, c.now);
  ASSERT_TRUE(found);
  std::map<std::string, std::pair<std::string, std::string>> expected;
  std::map<std::string, std::pair<std::string, std::string>> seen;
  for (const auto& [path, d] : c.expected) expected[path] = {d.before, d.now};
  for (const auto& [path, d] : *found) seen[path] = {d.before, d.now};
  EXPECT_EQ(seen, expected);
}

const std::string kData = "ext4 /dev/sda1[/srv/data] rw,relatime";
const std::string kAnother = " (another mount)";
const std::string kTmpfs = "tmpfs tmpfs rw";

INSTANTIATE_TEST_SUITE_P(
    All, Compare,
    ::testing::Values(
        Case{"same", {root(), data()}, {root(), data()}, {}},
        Case{"in_another_order", {root(), data()}, {data(), root()}, {}},
        Case{"mounted",
             {root()},
             {root(), tmpfs("/etc")},
             {{"/etc", {"", kTmpfs}}}},
        Case{"unmounted", {root(), data()}, {root()}, {{"/data", {kData, ""}}}},
        Case{"mounted_over_another",
             {root(), data()},
             {root(), data(), tmpfs("/data")},
             {{"/data", {"", kTmpfs}}}},
        Case{"replaced",
             {root(), data()},
             {root(), tmpfs("/data")},
             {{"/data", {kData, kTmpfs}}}},
        Case{"moved",
             {root(), tmpfs("/a")},
             {root(), tmpfs("/b")},
             {{"/a", {kTmpfs, ""}}, {"/b", {"", kTmpfs}}}},
        Case{"remounted_read_only",
             {root(), data()},
             {root(), with(data(), [](auto& m) { m.options = "ro,relatime"; })},
             {{"/data", {kData, "ext4 /dev/sda1[/srv/data] ro,relatime"}}}},
        Case{"filesystem_read_only",
             {root(), data()},
             {root(), with(data(), [](auto& m) { m.read_only_below = true; })},
             {{"/data", {kData, kData + " (filesystem ro)"}}}},
        Case{"another_directory_of_the_same_filesystem",
             {root(), data()},
             {root(), with(data(),
                           [](auto& m) {
                             m.id = 21;
                             m.root = "/srv/other";
                           })},
             {{"/data", {kData, "ext4 /dev/sda1[/srv/other] rw,relatime"}}}},
        Case{"its_source_was_renamed",
             {root(), unique(data(), 7)},
             {root(), with(unique(data(), 7),
                           [](auto& m) { m.root = "/srv/renamed"; })},
             {}},
        Case{"another_with_its_number",
             {root(), data()},
             {root(), with(data(), [](auto& m) { m.root = "/srv/evil"; })},
             {{"/data", {kData, "ext4 /dev/sda1[/srv/evil] rw,relatime"}}}},
        Case{"another_with_its_number_and_name",
             {root(), unique(data(), 7)},
             {root(), unique(data(), 8)},
             {{"/data", {kData, kData + kAnother}}}},
        Case{"another_source_with_its_number",
             {root(), data()},
             {root(), with(data(), [](auto& m) { m.source = "/dev/sdb1"; })},
             {{"/data", {kData, "ext4 /dev/sdb1[/srv/data] rw,relatime"}}}},
        Case{"its_source_was_deleted",
             {root(), data()},
             {root(),
              with(data(), [](auto& m) { m.root = "/srv/data//deleted"; })},
             {}},
        Case{"mounted_again_the_same",
             {root(), data()},
             {root(), with(data(), [](auto& m) { m.id = 99; })},
             {{"/data", {kData, kData + kAnother}}}},
        Case{"in_a_copied_namespace",
             {unique(root(), 6), unique(data(), 7)},
             {with(unique(root(), 16), [](auto& m) { m.id = 98; }),
              with(unique(data(), 17), [](auto& m) { m.id = 99; })},
             {}},
        Case{"kept_by_an_agent_that_knew_no_ids",
             {root(), data()},
             {unique(root(), 6), unique(data(), 7)},
             {}},
        Case{"the_same_twice",
             {root(), data()},
             {root(), data(), data()},
             {{"/data", {"", kData}}}},
        Case{"another_root",
             {root()},
             {with(root(), [](auto& m) { m.dev = 7; })},
             {{"/",
               {"overlay overlay rw,relatime",
                "overlay overlay rw,relatime" + kAnother}}}}),
    [](const auto& info) { return info.param.name; });

TEST(CompareMounts, OfAnInitThatMovedItsRootNothingIsSaid) {
  EXPECT_FALSE(compare_mounts({root(), data()}, {tmpfs("/run")}));
  EXPECT_FALSE(compare_mounts({root()}, {}));
}

TEST(CompareMounts, WhatIsSaidIsBounded) {
  std::vector<MountEntry> now{root()};
  for (int i = 0; i < 1000; ++i) {
    now.push_back(tmpfs("/x"));
    now.back().dev = 100u + static_cast<unsigned>(i);
  }
  const auto found = compare_mounts({root()}, now);
  ASSERT_TRUE(found);
  EXPECT_LT(found->at("/x").now.size(), 1200u);
}

TEST(CompareMounts, ManyOnEachOtherAreComparedInOrder) {
  constexpr unsigned kMany = 30'000;
  std::vector<MountEntry> before{root()};
  for (unsigned i = 0; i < kMany; ++i) {
    before.push_back(tmpfs("/x"));
    before.back().id = before.back().dev = 100 + i;
  }
  EXPECT_TRUE(compare_mounts(before, before)->empty());
  auto now = before;
  now.push_back(tmpfs("/x"));
  now.back().id = now.back().dev = 1;
  EXPECT_EQ(compare_mounts(before, now)->at("/x").before, "");
  std::reverse(now.begin() + 1, now.end());
  EXPECT_TRUE(compare_mounts(before, now)->contains("/x"));
}

}  // namespace
}  // namespace stillframe::drift
