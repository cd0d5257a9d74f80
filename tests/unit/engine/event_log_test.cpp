// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/event_log.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace stillframe::engine::test {
namespace {

using std::chrono::milliseconds;

class EventLogTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "stillframe-events-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  std::string dir_;
};

TEST_F(EventLogTest, NumbersGrowAcrossRestarts) {
  std::uint64_t last = 0;
  for (int life = 0; life < 3; ++life) {
    EventLog log(dir_);
    auto stream = log.subscribe(std::nullopt, true);
    for (int i = 0; i < 5; ++i) {
      log.agent("started", "");
      const auto event = stream->next(milliseconds(1000));
      ASSERT_TRUE(event);
      EXPECT_GT(event->seq, last);
      last = event->seq;
    }
  }
}

TEST_F(EventLogTest, SinceGivesThePastAndEndsWithoutFollow) {
  EventLog log(dir_);
  log.agent("one", "");
  log.agent("two", "");
  auto stream = log.subscribe(WallTime{0}, false);
  EXPECT_EQ(stream->next(milliseconds(0))->kind, "one");
  EXPECT_FALSE(stream->closed());
  EXPECT_EQ(stream->next(milliseconds(0))->kind, "two");
  EXPECT_TRUE(stream->closed());
  EXPECT_EQ(stream->next(milliseconds(0)), nullptr);
}

TEST_F(EventLogTest, ASlowListenerLosesTheOldestAndIsTold) {
  EventLog log(dir_);
  auto stream = log.subscribe(std::nullopt, true);
  for (int i = 0; i < 65'536 + 10; ++i) log.agent("e", "");
  EXPECT_EQ(stream->dropped(), 10u);
  EXPECT_EQ(stream->next(milliseconds(0))->seq, 11u);
}

TEST_F(EventLogTest, ClosingEndsListeners) {
  EventLog log(dir_);
  auto stream = log.subscribe(std::nullopt, true);
  log.close();
  EXPECT_EQ(stream->next(milliseconds(10'000)), nullptr);
  EXPECT_TRUE(stream->closed());
}

TEST_F(EventLogTest, LifecycleIsCounted) {
  EventLog log(dir_);
  log.lifecycle({}, Lifecycle::created, wall_now());
  log.lifecycle({}, Lifecycle::created, wall_now());
  EXPECT_EQ(log.lifecycle_counts().at("created"), 2u);
}

}  // namespace
}  // namespace stillframe::engine::test
