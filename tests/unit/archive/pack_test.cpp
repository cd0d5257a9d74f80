// SPDX-License-Identifier: Apache-2.0
#include "agent/archive/pack.h"

#include <gmock/gmock.h>

#include <random>

#include "tests/unit/archive/states.h"
#include "tests/unit/journal/scratch_directory.h"

namespace stillframe::archive::test {
namespace {

using journal::compressed;
using journal::ScratchDirectory;
using ::testing::HasSubstr;

constexpr WallTime kGone{1'650'000'000'000'000'000};

class Pack : public ::testing::Test {
 protected:
  std::string packed(const DiffAnswer& answer) const {
    auto bytes = pack(format_, answer);
    EXPECT_TRUE(bytes) << bytes.error().message;
    return bytes.value_or("");
  }
  Result<DiffAnswer> reading(const std::string& bytes) const {
    dir_.write("x", bytes);
    return read_all(format_, dir_.path(), "x");
  }
  Result<DiffAnswer> reading_head(const std::string& bytes) const {
    dir_.write("x", bytes);
    return read_head(format_, dir_.path(), "x");
  }

  const Format format_ = the_format();
  ScratchDirectory dir_;
};

TEST_F(Pack, AllOfItComesBack) {
  for (const std::size_t changes : {0u, 1u, 2u, 500u}) {
    const auto before = state_of("3f2a", "web", changes, kGone);
    const auto bytes = packed(before);
    const auto after = reading(bytes);
    ASSERT_TRUE(after) << after.error().message;
    EXPECT_EQ(told(*after), told(before));
    EXPECT_EQ(after->container.state, before.container.state);
    const auto head = reading_head(bytes);
    ASSERT_TRUE(head) << head.error().message;
    EXPECT_EQ(head->container.info, before.container.info);
    EXPECT_EQ(head->gone, before.gone);
    EXPECT_TRUE(head->changes.empty());
  }
}

TEST_F(Pack, WhyItIsUnknownComesBack) {
  auto before = state_of("3f2a", "web", 0, kGone);
  before.container.state = ContainerState::unknown;
  before.container.why_unknown = "/x: \xff";
  before.complete = false;
  const auto after = reading(packed(before));
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(told(*after), told(before));
}

TEST_F(Pack, OfOneThatWentUnseenItIsNotKnownWhen) {
  auto before = state_of("3f2a", "web", 1, kGone);
  before.gone = Gone{.since = {}, .as_of = kGone, .seen = false};
  const auto after = reading(packed(before));
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_FALSE(after->gone->seen);
  EXPECT_EQ(after->gone->as_of, kGone);
}

// A disk that lost its power has any part of what was written.
TEST_F(Pack, NoPartOfAFileIsTakenForAll) {
  const std::string bytes = packed(state_of("3f2a", "web", 9, kGone));
  ASSERT_GT(bytes.size(), 300u);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const auto after = reading(bytes.substr(0, length));
    ASSERT_FALSE(after) << length;
    EXPECT_EQ(after.error().code, EBADMSG) << after.error().message;
    const auto head = reading_head(bytes.substr(0, length));
    if (head) {
      EXPECT_EQ(head->container.info.name, "web") << length;
    } else {
      EXPECT_EQ(head.error().code, EBADMSG) << length;
    }
  }
}

TEST_F(Pack, NoTornBytesAreTakenForGood) {
  const auto mine = state_of("3f2a", "web", 9, kGone);
  const auto others = state_of("77ab", "shop", 9, kGone);
  const std::string bytes = packed(mine);
  const std::string other = packed(others);
  std::size_t refused = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    // A flipped bit, a block of zeros, another container's block.
    std::vector<std::string> torn(3, bytes);
    torn[0][at] = static_cast<char>(torn[0][at] ^ (1 << (at % 8)));
    torn[1].replace(at, std::string::npos, bytes.size() - at, '\0');
    torn[2].replace(at, std::string::npos,
                    at < other.size() ? other.substr(at) : "");
    for (const auto& one : torn) {
      const auto after = reading(one);
      if (!after) {
        ++refused;
        EXPECT_EQ(after.error().code, EBADMSG) << after.error().message;
        continue;
      }
      // There are bits that mean nothing; or it is one of both in full.
      EXPECT_TRUE(told(*after) == told(mine) || told(*after) == told(others))
          << at;
    }
  }
  EXPECT_GT(refused, bytes.size() * 2);
}

TEST_F(Pack, NothingMayFollowItsEnd) {
  const std::string bytes = packed(state_of("3f2a", "web", 2, kGone));
  EXPECT_FALSE(reading(bytes + bytes));
  EXPECT_FALSE(reading(bytes + "x"));
}

TEST_F(Pack, AnotherVersionsIsNotDamaged) {
  const auto later = reading_head(compressed("{\"v\":2,\"who\":\"web\"}\n"));
  ASSERT_FALSE(later);
  EXPECT_EQ(later.error().code, kOtherVersion);
  EXPECT_THAT(later.error().message, HasSubstr("another version"));
  for (const char* line :
       {"", "\n", "{}\n", "[]\n", "{\"v\":\"1\"}\n", "x\n"}) {
    const auto none = reading_head(compressed(line));
    ASSERT_FALSE(none) << line;
    EXPECT_EQ(none.error().code, EBADMSG) << line;
  }
}

TEST_F(Pack, WhatHasNoRoomIsLeftOutAndSaid) {
  auto before = state_of("3f2a", "web", 0, kGone);
  // Names that cannot be compressed.
  std::mt19937_64 random(1);
  for (std::size_t i = 0; i < 40'000; ++i) {
    PathChange change;
    change.path = "/";
    for (int word = 0; word < 4; ++word) {
      change.path = change.path.text() + std::to_string(random());
    }
    change.kinds.add(Kind::file_create);
    change.change = Change::added;
    before.changes.push_back(change);
  }
  const std::string bytes = packed(before);
  EXPECT_LT(bytes.size(), kMostPacked + (256u << 10));
  const auto after = reading(bytes);
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_FALSE(after->complete);
  EXPECT_GT(after->changes.size(), 10'000u);
  EXPECT_EQ(after->changes.size() + after->gone->left_out, 40'000u);
}

TEST_F(Pack, CanBeGivenUp) {
  const auto none =
      pack(format_, state_of("3f2a", "web", 2, kGone), [] { return true; });
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ECANCELED);
}

TEST_F(Pack, APathThatIsTooLongIsLeftOutAndNoOther) {
  auto before = state_of("3f2a", "web", 2, kGone);
  PathChange change = before.changes[0];
  change.path = "/" + std::string(2 << 20, 'x');
  before.changes.push_back(change);
  change.path = "/z";
  before.changes.push_back(change);
  const auto after = reading(packed(before));
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(after->changes.size(), 3u);
  EXPECT_EQ(after->gone->left_out, 1u);
}

}  // namespace
}  // namespace stillframe::archive::test
