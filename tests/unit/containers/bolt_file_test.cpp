// SPDX-License-Identifier: Apache-2.0
#include "agent/containers/bolt_file.h"

#include <gtest/gtest.h>

#include <fstream>

#include "bolt_database.h"

namespace stillframe::containers {
namespace {

std::string database() {
  const std::string big(10000, 'x');  // overflows into pages 5 and 6
  return bolt_file(
      {bolt_page(2, 1, {{"a", "3"}, {"m", "4"}}),
       bolt_page(3, 2,
                 {{"a", "1"},
                  {"in", bolt_bucket(0, bolt_page(0, 2, {{"k", "v"}})), 1}}),
       bolt_page(4, 2, {{"m", big}, {"out", bolt_bucket(7), 1}, {"z", ""}}),
       bolt_page(7, 2, {{"k", "w"}})});
}

TEST(BoltFile, FindsKeysThroughBranchesBucketsAndOverflows) {
  auto file = BoltFile::parse(database());
  ASSERT_TRUE(file);
  EXPECT_EQ(file->get({}, "a"), "1");
  EXPECT_EQ(file->get({}, "m"), std::string(10000, 'x'));
  EXPECT_EQ(file->get({}, "z"), "");
  EXPECT_EQ(file->get({"in"}, "k"), "v");
  EXPECT_EQ(file->get({"out"}, "k"), "w");
}

TEST(BoltFile, FindsNothingThatIsNotThere) {
  auto file = BoltFile::parse(database());
  ASSERT_TRUE(file);
  EXPECT_EQ(file->get({}, "b"), std::nullopt);
  EXPECT_EQ(file->get({}, "in"), std::nullopt);
  EXPECT_EQ(file->get({"a"}, "k"), std::nullopt);
  EXPECT_EQ(file->get({"none"}, "k"), std::nullopt);
}

TEST(BoltFile, UsesTheOtherMetaWhenOneIsTorn) {
  for (const std::size_t meta : {std::size_t{0}, kBoltPage}) {
    std::string bytes = database();
    bytes[meta + 30] = '\x7f';
    auto file = BoltFile::parse(bytes);
    ASSERT_TRUE(file);
    EXPECT_EQ(file->get({}, "a"), "1");
  }
}

TEST(BoltFile, RefusesWhatIsNoDatabase) {
  EXPECT_FALSE(BoltFile::parse(""));
  EXPECT_FALSE(BoltFile::parse(std::string(100000, '\xff')));
  EXPECT_FALSE(BoltFile::read("/nonexistent"));
}

TEST(BoltFile, ListsWhatABucketHolds) {
  auto file = BoltFile::parse(database());
  ASSERT_TRUE(file);
  using Values = std::map<std::string, std::string>;
  EXPECT_EQ(file->values({}),
            (Values{{"a", "1"}, {"m", std::string(10000, 'x')}, {"z", ""}}));
  EXPECT_EQ(file->values({"out"}), (Values{{"k", "w"}}));
  EXPECT_EQ(file->values({"none"}), Values{});
  EXPECT_EQ(file->names({}), (std::vector<std::string>{"in", "out"}));
}

// A writer replaces pages that the newest transaction but one had, then the
// older meta.
TEST(BoltFile, IsReadAgainWhenItMovesUnderTheRead) {
  const std::string path = testing::TempDir() + "/moving.db";
  const auto write = [&](const std::string& bytes) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  };
  const auto with = [](const std::string& value, std::uint64_t transaction) {
    return bolt_file({bolt_page(2, 2, {{"k", value}})}, transaction);
  };
  std::ofstream(path) << with("old", 1);
  int looks = 0;
  const auto found = BoltFile::consult(path, [&](BoltFile& file) {
    if (++looks == 1) write(with("new", 5));
    return std::string(file.get({}, "k").value_or(""));
  });
  EXPECT_EQ(found.value(), "new");
  EXPECT_EQ(looks, 2);
  std::uint64_t transaction = 5;
  const auto never = BoltFile::consult(path, [&](BoltFile&) {
    write(with("newer", ++transaction));
    return 0;
  });
  ASSERT_FALSE(never);
  EXPECT_EQ(never.error().code, EAGAIN);
}

TEST(BoltFile, EndsWherePagesLeadInACircle) {
  auto file = BoltFile::parse(
      bolt_file({bolt_page(2, 1, {{"a", "2"}, {"b", "2"}, {"c", "2"}})}));
  ASSERT_TRUE(file);
  EXPECT_TRUE(file->values({}).empty());
  EXPECT_EQ(file->get({}, "b"), std::nullopt);
}

// Each byte that could steer the search, broken in turn: it must end, in
// bounds, whatever it finds.
TEST(BoltFile, SurvivesTornPages) {
  const std::string whole = database();
  for (std::size_t at = 2 * kBoltPage; at < whole.size(); ++at) {
    if ((at % kBoltPage) > 200) continue;
    for (const char value : {'\x00', '\x01', '\x7f', '\xff'}) {
      std::string bytes = whole;
      bytes[at] = value;
      auto file = BoltFile::parse(std::move(bytes));
      ASSERT_TRUE(file);
      (void)file->values({"out"});
      const auto found = file->get({"out"}, "k");
      EXPECT_TRUE(!found || found->size() <= whole.size());
      (void)file->get({"in"}, "k");
      (void)file->get({}, "m");
    }
  }
  for (std::size_t size = 0; size < whole.size(); size += 512) {
    auto file = BoltFile::parse(whole.substr(0, size));
    EXPECT_TRUE(!file || !file->get({"out"}, "k"));
  }
}

}  // namespace
}  // namespace stillframe::containers
