// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/record_filter.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <vector>

namespace stillframe::engine {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

class RecordFilterTest : public testing::Test {
 protected:
  StreamEvent event(const std::string& path, const std::string& container = "c",
                    std::uint32_t uid = 0) {
    StreamEvent out;
    out.seq = ++seq_;
    out.time = WallTime{static_cast<std::int64_t>(seq_)};
    out.class_name = "content";
    out.kind = "file_write";
    out.verdict = "violation";
    out.path = path;
    ContainerInfo info;
    info.id = container;
    out.container = std::make_shared<const ContainerInfo>(info);
    Actor actor;
    actor.origin = Origin::exec;
    actor.uid = uid;
    actor.pid = static_cast<std::uint32_t>(seq_);
    out.actor = SharedActor(actor);
    return out;
  }
  RecordFilter::Give give() {
    return [this](StreamEvent out) { given_.push_back(std::move(out)); };
  }

  RecordFilter filter_;
  std::vector<StreamEvent> given_;
  std::uint64_t seq_ = 0;
};

TEST_F(RecordFilterTest, TheFirstByEachActorAtEachPath) {
  EXPECT_TRUE(filter_.admit(event("/a"), 0));
  EXPECT_FALSE(filter_.admit(event("/a"), 0));
  EXPECT_TRUE(filter_.admit(event("/b"), 0));
  EXPECT_TRUE(filter_.admit(event("/a", "c", 7), 0));
  EXPECT_TRUE(filter_.admit(event("/a", "d"), 0));
  StreamEvent other = event("/a");
  other.kind = "mode_change";
  EXPECT_TRUE(filter_.admit(other, 0));
}

TEST_F(RecordFilterTest, AnotherValueIsAnotherAct) {
  StreamEvent first = event("kernel/core_pattern");
  first.detail = "core";
  StreamEvent second = event("kernel/core_pattern");
  second.detail = "|/tmp/x";
  EXPECT_TRUE(filter_.admit(first, 0));
  EXPECT_TRUE(filter_.admit(second, 0));
  second.facts["source"] = "/dev/sda1";
  EXPECT_TRUE(filter_.admit(second, 0));
  EXPECT_FALSE(filter_.admit(second, 0));
}

TEST_F(RecordFilterTest, TheSameIdElsewhereHasABookOfItsOwn) {
  StreamEvent other = event("/a");
  ContainerInfo info = *other.container;
  info.space = "b";
  other.container = std::make_shared<const ContainerInfo>(info);
  EXPECT_TRUE(filter_.admit(event("/a"), 0));
  EXPECT_TRUE(filter_.admit(other, 0));
}

TEST_F(RecordFilterTest, RepeatsAreCountedAndSaidOnce) {
  EXPECT_TRUE(filter_.admit(event("/a"), kSecond));
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(filter_.admit(event("/a"), kSecond));
  filter_.summarize(kSecond, give());
  EXPECT_TRUE(given_.empty());
  filter_.summarize(kSecond + RecordFilter::kRepeatsAfterNs, give());
  filter_.summarize(kSecond + 2 * RecordFilter::kRepeatsAfterNs, give());
  ASSERT_EQ(given_.size(), 1U);
  EXPECT_EQ(given_[0].kind, "repeats");
  ASSERT_EQ(given_[0].repeats.size(), 1U);
  EXPECT_EQ(given_[0].repeats[0].seq, 1U);
  EXPECT_EQ(given_[0].repeats[0].count, 3U);
  EXPECT_EQ(given_[0].repeats[0].last.ns, 4);
}

TEST_F(RecordFilterTest, WhatIsOverTheShareIsCountedByKind) {
  for (std::uint64_t i = 0; i < RecordFilter::kShare; ++i) {
    EXPECT_TRUE(filter_.admit(event("/f" + std::to_string(i)), kSecond));
  }
  EXPECT_FALSE(filter_.admit(event("/x"), kSecond));
  EXPECT_FALSE(filter_.admit(event("/y"), kSecond));
  // Another's share is its own.
  EXPECT_TRUE(filter_.admit(event("/x", "d"), kSecond));
  filter_.summarize(kSecond + RecordFilter::kExcessAfterNs, give());
  ASSERT_EQ(given_.size(), 1U);
  EXPECT_EQ(given_[0].count, 2U);
  EXPECT_EQ(given_[0].kind, "file_write");
  EXPECT_EQ(given_[0].path, "");
  // The share grows again.
  const std::uint64_t later = kSecond + RecordFilter::kRefillNs;
  EXPECT_TRUE(filter_.admit(event("/z"), later));
  EXPECT_FALSE(filter_.admit(event("/zz"), later));
}

// Whoever fills a scratch place, or does what a rule allows, all the time.
TEST_F(RecordFilterTest, WhatIsToleratedTakesNothingFromViolations) {
  for (std::uint64_t i = 0; i < 3 * RecordFilter::kShare; ++i) {
    StreamEvent tolerated = event("/tmp/" + std::to_string(i));
    tolerated.verdict = i % 2 == 0 ? "scratch" : "allowed";
    EXPECT_EQ(filter_.admit(tolerated, 0), i < RecordFilter::kTolerated);
  }
  EXPECT_TRUE(filter_.admit(event("/etc/shadow"), 0));
}

TEST_F(RecordFilterTest, WhatItIsStaysKnown) {
  for (std::uint64_t i = 0; i <= RecordFilter::kShare; ++i) {
    filter_.admit(event("/" + std::to_string(i)), 0);
  }
  StreamEvent state = event("");
  state.class_name = "agent";
  state.kind = "state";
  state.verdict = {};
  EXPECT_TRUE(filter_.admit(state, 0));
  // There was no room for it; then the latest is kept.
  state.facts = {{"state", "still"}};
  filter_.refused(state, 0);
  state.facts = {{"state", "mutated"}};
  filter_.refused(state, 0);
  filter_.finish(*state.container, give());
  const auto said =
      std::find_if(given_.begin(), given_.end(),
                   [](const StreamEvent& one) { return one.kind == "state"; });
  ASSERT_NE(said, given_.end());
  EXPECT_EQ(said->facts.at("state"), "mutated");
  EXPECT_TRUE(said->facts.contains("since"));
}

// A container chooses the names of its programs.
TEST_F(RecordFilterTest, ManySortsAreNeverCountedAsAnother) {
  const auto sort = [&](const std::string& tool, std::string_view verdict) {
    StreamEvent out = event("/x" + tool);
    out.verdict = verdict;
    Actor actor;
    actor.tool = tool;
    out.actor = SharedActor(actor);
    return out;
  };
  for (int i = 0; i < 200; ++i) {
    filter_.refused(sort("tool" + std::to_string(i), "scratch"), 0);
  }
  filter_.refused(sort("last", "violation"), 0);
  filter_.refused(event("/a"), 0);  // an entry began a book
  filter_.admit(event("/b"), 0);
  for (int i = 0; i < 200; ++i) {
    filter_.refused(sort("tool" + std::to_string(i), "scratch"), 0);
  }
  filter_.refused(sort("last", "violation"), 0);
  filter_.finish(give());
  std::uint64_t scratch = 0;
  std::uint64_t violations = 0;
  for (const auto& one : given_) {
    (one.verdict == "violation" ? violations : scratch) += one.count;
  }
  EXPECT_EQ(scratch, 200);
  EXPECT_EQ(violations, 1);
  EXPECT_LT(given_.size(), 80);
}

TEST_F(RecordFilterTest, WhatFoundNoRoomIsCountedToo) {
  const StreamEvent one = event("/a");
  EXPECT_TRUE(filter_.admit(one, kSecond));
  filter_.refused(one, kSecond);
  filter_.finish(*event("").container, give());
  ASSERT_EQ(given_.size(), 1U);
  EXPECT_EQ(given_[0].count, 1U);
}

TEST_F(RecordFilterTest, TheEndOfAContainerSaysAll) {
  EXPECT_TRUE(filter_.admit(event("/a"), kSecond));
  EXPECT_FALSE(filter_.admit(event("/a"), kSecond));
  EXPECT_TRUE(filter_.admit(event("/a", "d"), kSecond));
  filter_.finish(*event("").container, give());
  EXPECT_EQ(given_.size(), 1U);
  filter_.finish(give());
  EXPECT_EQ(given_.size(), 1U);
  // A new one is new in all.
  EXPECT_TRUE(filter_.admit(event("/a"), kSecond));
}

TEST_F(RecordFilterTest, ALifeIsKeptBeyondTheShare) {
  for (std::uint64_t i = 0; i <= RecordFilter::kShare; ++i) {
    filter_.admit(event("/f" + std::to_string(i)), kSecond);
  }
  StreamEvent removed = event("");
  removed.class_name = "lifecycle";
  removed.verdict = {};
  removed.kind = "removed";
  EXPECT_TRUE(filter_.admit(removed, kSecond));
  removed.kind = "session_started";
  EXPECT_FALSE(filter_.admit(removed, kSecond));
}

TEST_F(RecordFilterTest, EventsOfTheAgentAreAllKept) {
  StreamEvent own;
  own.class_name = "agent";
  own.kind = "events_lost";
  for (std::uint64_t i = 0; i < 2 * RecordFilter::kShare; ++i) {
    ASSERT_TRUE(filter_.admit(own, kSecond));
  }
}

}  // namespace
}  // namespace stillframe::engine
