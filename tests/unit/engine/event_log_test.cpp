// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/event_log.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

namespace stillframe::engine::test {
namespace {

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
      const auto event = stream->next();
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
  EXPECT_EQ(stream->next()->kind, "one");
  EXPECT_FALSE(stream->closed());
  EXPECT_EQ(stream->next()->kind, "two");
  EXPECT_TRUE(stream->closed());
  EXPECT_EQ(stream->next(), nullptr);
}

TEST_F(EventLogTest, ASlowListenerLosesTheOldestAndSeesHowMany) {
  EventLog log(dir_);
  auto stream = log.subscribe(std::nullopt, true);
  constexpr std::uint64_t kEvents = 1000;
  const std::string detail(64 << 10, 'x');  // 64 MiB together
  for (std::uint64_t i = 0; i < kEvents; ++i) log.agent("e", detail);
  const std::uint64_t dropped = stream->dropped();
  EXPECT_GT(dropped, kEvents / 4);
  EXPECT_LT(dropped, kEvents);
  for (std::uint64_t seq = dropped + 1; seq <= kEvents; ++seq) {
    ASSERT_EQ(stream->next()->seq, seq);
  }
  EXPECT_EQ(stream->next(), nullptr);
}

TEST_F(EventLogTest, PastEventsAreBoundedInBytes) {
  EventLog log(dir_);
  const std::string detail(64 << 10, 'x');
  for (int i = 0; i < 1000; ++i) log.agent("e", detail);
  auto stream = log.subscribe(std::nullopt, false);
  int kept = 0;
  while (stream->next() != nullptr) ++kept;
  EXPECT_GT(kept, 20);
  EXPECT_LT(kept, 64);
}

// The command line of a session may be long, and is held once for all that the
// session does.
TEST_F(EventLogTest, OneActorTakesItsRoomOnce) {
  const NameList large(NameList::All{std::string(64 << 10, 'x')});
  const auto kept_of = [&](int actors, bool of_session = false) {
    EventLog log(dir_);
    MutationEvent event;
    for (int i = 0; i < 200; ++i) {
      if (i < actors) {
        Actor actor;
        if (of_session) {
          actor.session.emplace().ancestors = large;
        } else {
          actor.ancestors = large;
        }
        event.actor = SharedActor(actor);
      }
      log.mutation({}, event);
    }
    auto stream = log.subscribe(std::nullopt, false);
    int kept = 0;
    while (stream->next() != nullptr) ++kept;
    return kept;
  };
  EXPECT_EQ(kept_of(1), 200);
  EXPECT_LT(kept_of(200), 64);
  EXPECT_LT(kept_of(200, true), 64);
}

TEST_F(EventLogTest, PastEventsAreAsTheyWere) {
  EventLog log(dir_);
  auto listener = log.subscribe(std::nullopt, true);
  ContainerInfo web;
  web.id = "3f2a00";
  Actor apt;
  apt.tool = "apt";
  MutationEvent event;
  event.kind = Kind::file_rename;
  event.rule = "rule";
  event.path = std::string("/a\0b", 4);
  event.from = "/from";
  event.detail = "detail";
  event.facts = {{"old", "1"}, {"new", ""}};
  event.count = 7;
  std::vector<StreamEventPtr> seen;
  for (int i = 0; i < 2000; ++i) {
    event.time.ns = i;
    // Runs of three that share their actor, and of two that share nobody.
    event.actor = i % 5 < 3 ? SharedActor(apt) : SharedActor();
    log.mutation(web, event);
    if (i % 7 == 0) log.agent("sensor_gap", "between");
  }
  while (auto one = listener->next()) seen.push_back(one);
  auto stream = log.subscribe(WallTime{100}, false);
  std::erase_if(seen, [](const auto& one) { return one->time.ns < 100; });
  for (const auto& was : seen) {
    const auto now = stream->next();
    ASSERT_TRUE(now);
    EXPECT_EQ(now->seq, was->seq);
    EXPECT_EQ(now->time, was->time);
    EXPECT_EQ(now->class_name, was->class_name);
    EXPECT_EQ(now->kind, was->kind);
    EXPECT_EQ(now->container, was->container);
    EXPECT_EQ(now->verdict, was->verdict);
    EXPECT_EQ(now->rule, was->rule);
    EXPECT_EQ(now->path, was->path);
    EXPECT_EQ(now->from, was->from);
    EXPECT_EQ(now->detail, was->detail);
    EXPECT_EQ(now->facts, was->facts);
    EXPECT_EQ(now->count, was->count);
    ASSERT_EQ(now->actor.has_value(), was->actor.has_value());
    if (now->actor) {
      EXPECT_EQ((*now->actor)->tool, (*was->actor)->tool);
    }
  }
  EXPECT_EQ(stream->next(), nullptr);
}

TEST_F(EventLogTest, TheLatestAreKept) {
  EventLog log(dir_);
  for (int i = 0; i < 12'000; ++i) log.agent("e", "");
  auto stream = log.subscribe(std::nullopt, false);
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  for (StreamEventPtr event; (event = stream->next()) != nullptr;) {
    if (first == 0) first = event->seq;
    last = event->seq;
  }
  EXPECT_EQ(last, 12'000u);
  EXPECT_EQ(first, 2'001u);
}

TEST_F(EventLogTest, EventsShareWhatIsKnownOfTheirContainer) {
  EventLog log(dir_);
  auto stream = log.subscribe(std::nullopt, true);
  ContainerInfo info;
  info.id = "3f2a00";
  info.name = "web";
  log.lifecycle(info, Lifecycle::created, wall_now());
  log.lifecycle(info, Lifecycle::live, wall_now());
  info.name = "api";
  log.lifecycle(info, Lifecycle::exited, wall_now());
  const auto created = stream->next();
  const auto live = stream->next();
  const auto exited = stream->next();
  EXPECT_EQ(created->container, live->container);
  EXPECT_EQ(live->container->name, "web");
  EXPECT_EQ(exited->container->name, "api");
}

TEST_F(EventLogTest, KeepsNoContainerThatNoEventIsAbout) {
  EventLog log(dir_);
  ContainerInfo info;
  info.id = "first";
  log.lifecycle(info, Lifecycle::created, wall_now());
  std::weak_ptr<const ContainerInfo> first;
  {
    auto stream = log.subscribe(std::nullopt, false);
    first = stream->next()->container;
  }
  const std::string detail(1 << 20, 'x');  // until its event has gone
  for (int i = 0; i < 16; ++i) log.agent("e", detail);
  for (int i = 0; i < 300; ++i) {
    info.id = std::to_string(i);
    log.lifecycle(info, Lifecycle::created, wall_now());
  }
  EXPECT_TRUE(first.expired());
}

TEST_F(EventLogTest, WakesAListenerThatHasReadAll) {
  EventLog log(dir_);
  auto stream = log.subscribe(std::nullopt, true);
  int woken = 0;
  stream->when_ready([&] { ++woken; });
  log.agent("one", "");
  log.agent("two", "");
  EXPECT_EQ(woken, 1);
  while (stream->next() != nullptr) continue;
  log.agent("three", "");
  EXPECT_EQ(woken, 2);
  log.close();
  EXPECT_EQ(woken, 3);
}

TEST_F(EventLogTest, ClosingEndsListeners) {
  EventLog log(dir_);
  auto stream = log.subscribe(std::nullopt, true);
  log.close();
  EXPECT_EQ(stream->next(), nullptr);
  EXPECT_TRUE(stream->closed());
}

// As the journal has them, also where none is kept.
TEST_F(EventLogTest, EntriesCountWhatRepeats) {
  EventLog log(dir_);
  const auto entries = log.follow_entries();
  ContainerInfo web;
  web.id = "3f2a00";
  MutationEvent event;
  event.kind = Kind::file_write;
  event.path = "/f";
  for (int i = 0; i < 10; ++i) log.mutation(web, event);
  log.agent("policy_loaded", "");
  log.close();
  const auto first = entries->next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->kind, "file_write");
  EXPECT_EQ(entries->next()->kind, "policy_loaded");
  const auto repeats = entries->next();
  ASSERT_TRUE(repeats);
  ASSERT_EQ(repeats->repeats.size(), 1u);
  EXPECT_EQ(repeats->repeats[0].seq, first->seq);
  EXPECT_EQ(repeats->repeats[0].count, 9u);
  EXPECT_EQ(entries->next(), nullptr);
  EXPECT_TRUE(entries->closed());
}

TEST_F(EventLogTest, EntriesThatWaitAreBounded) {
  EventLog log(dir_);
  const auto entries = log.follow_entries();
  const std::string detail(64 << 10, 'x');
  for (int i = 0; i < 1000; ++i) log.agent("e", detail);
  std::uint64_t taken = 0;
  while (entries->next() != nullptr) ++taken;
  EXPECT_GT(taken, 20u);
  EXPECT_LE(taken, 64u);
  EXPECT_EQ(entries->dropped(), 1000u - taken);
}

TEST_F(EventLogTest, LifecycleIsCounted) {
  EventLog log(dir_);
  log.lifecycle({}, Lifecycle::created, wall_now());
  log.lifecycle({}, Lifecycle::created, wall_now());
  EXPECT_EQ(log.lifecycle_counts().at("created"), 2u);
}

}  // namespace
}  // namespace stillframe::engine::test
