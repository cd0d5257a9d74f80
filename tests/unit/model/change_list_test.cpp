// SPDX-License-Identifier: Apache-2.0
#include "agent/model/change_list.h"

#include <gtest/gtest.h>

namespace stillframe {
namespace {

PathChange change(SharedPath path, std::uint64_t count = 1) {
  PathChange out;
  out.path = std::move(path);
  out.kinds = {Kind::file_write, Kind::mode_change};
  out.rule = "rule";
  out.first_seen = {1};
  out.last_seen = {2};
  out.count = count;
  out.actors_left_out = 3;
  out.change = Change::added;
  out.mutation_class = Class::metadata;
  out.verdict = Verdict::allowed;
  out.shown_by_runtime = false;
  return out;
}

void expect_same(const PathChange& a, const PathChange& b) {
  EXPECT_EQ(a.path.text(), b.path.text());
  EXPECT_EQ(a.from, b.from);
  EXPECT_EQ(a.kinds, b.kinds);
  EXPECT_EQ(a.rule, b.rule);
  EXPECT_EQ(a.first_seen, b.first_seen);
  EXPECT_EQ(a.last_seen, b.last_seen);
  EXPECT_EQ(a.count, b.count);
  EXPECT_EQ(a.actors.id(), b.actors.id());
  EXPECT_EQ(a.actors_left_out, b.actors_left_out);
  EXPECT_EQ(a.change, b.change);
  EXPECT_EQ(a.mutation_class, b.mutation_class);
  EXPECT_EQ(a.verdict, b.verdict);
  EXPECT_EQ(a.shown_by_runtime, b.shown_by_runtime);
}

TEST(ChangeList, GivesWhatItWasGiven) {
  const auto etc = SharedPath::directory(nullptr, "etc");
  std::vector<PathChange> given;
  for (auto path :
       {SharedPath("/"), SharedPath(nullptr, "etc"), SharedPath(etc, "a"),
        SharedPath(etc, ""), SharedPath(SharedPath::directory(etc, "d"), "b"),
        SharedPath(etc, "c"), SharedPath("memfd:x"), SharedPath("")}) {
    given.push_back(change(path));
  }
  given[1].from = std::make_shared<const SharedPath>("/opt");
  given[2].actors = {Actor()};
  given[3].rule.clear();
  given[4].count = 1ull << 40;
  given[5].verdict = Verdict::violation;
  given[6].kinds = {};
  given[7].shown_by_runtime = true;
  ChangeList list;
  list.reserve(3);
  for (const auto& one : given) list.push_back(one);
  ASSERT_EQ(list.size(), given.size());
  std::size_t at = 0;
  for (const auto& one : list) expect_same(one, given[at++]);
  const ChangeList copy = list;
  list.clear();
  EXPECT_TRUE(list.empty());
  for (at = 0; at < given.size(); ++at) expect_same(copy[at], given[at]);
}

TEST(ChangeList, ARowCanBeSetAgain) {
  ChangeList list{change("/a"), change("/b"), change("/c")};
  auto other = list[1];
  other.count = 7;
  other.last_seen = {9};
  list.set(1, other);
  expect_same(list[0], change("/a"));
  expect_same(list[1], other);
  expect_same(list[2], change("/c"));
}

TEST(ChangeList, HoldsOnceWhatRowsHaveInCommon) {
  const auto etc = SharedPath::directory(nullptr, "etc");
  ChangeList list;
  constexpr std::size_t kRows = 10'000;
  list.reserve(kRows);
  for (std::size_t i = 0; i < kRows; ++i) {
    list.push_back(change(SharedPath(etc, std::to_string(i)), i % 3));
  }
  EXPECT_LT(list.bytes(), 50 * kRows);
}

}  // namespace
}  // namespace stillframe
