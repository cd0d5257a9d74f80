// SPDX-License-Identifier: Apache-2.0
#include "exporters/socket/past_reader.h"

#include <gmock/gmock.h>

#include <condition_variable>
#include <filesystem>

#include "agent/journal/writer.h"
#include "exporters/jsonl/json.h"
#include "exporters/socket/event_feed.h"
#include "exporters/socket/reorder.h"
#include "tests/unit/exporters/fake_agent.h"

namespace stillframe::socket_api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PastReaderTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "stillframe-past-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    options_.directory = pattern;
    options_.segment_bytes = 3000;
    options_.compress_after = {};
  }
  void TearDown() override { std::filesystem::remove_all(options_.directory); }

  // Entries with the numbers from `first` on, a second each, in several
  // segments.
  void write(std::uint64_t first, std::uint64_t last) {
    auto writer = journal::Writer::open(options_, system_clock());
    ASSERT_TRUE(writer);
    for (std::uint64_t seq = first; seq <= last; ++seq) {
      StreamEvent event = test::make_event(seq, seq % 2 != 0 ? "odd" : "even");
      event.time = at(seq);
      event.path = "/etc/" + std::to_string(seq);
      (*writer)->add(jsonl::event_json(event, "n1"), seq);
      ASSERT_TRUE((*writer)->flush());
    }
    ASSERT_TRUE((*writer)->finish());
  }
  static WallTime at(std::uint64_t second) {
    return WallTime{test::kNoon.ns +
                    static_cast<std::int64_t>(second) * 1'000'000'000};
  }

  std::vector<std::string> read(const EventFilter& filter,
                                std::uint64_t until_seq = UINT64_MAX,
                                std::size_t last = 0) {
    std::mutex mutex;
    std::condition_variable more;
    bool woken = false;
    PastReader reader(
        options_.directory, until_seq, filter, last,
        [](const StreamEvent& event, std::string_view) { return event.path; });
    reader.when_ready([&] {
      const std::lock_guard lock(mutex);
      woken = true;
      more.notify_one();
    });
    std::vector<std::string> paths;
    while (!reader.ended()) {
      if (auto item = reader.next()) {
        paths.push_back(item->text);
        continue;
      }
      std::unique_lock lock(mutex);
      more.wait(lock, [&] { return woken; });
      woken = false;
    }
    return paths;
  }

  journal::Options options_;
};

TEST_F(PastReaderTest, ReadsAllSegmentsInOrder) {
  write(1, 20);
  const auto paths = read({});
  ASSERT_EQ(paths.size(), 20U);
  EXPECT_EQ(paths.front(), "/etc/1");
  EXPECT_EQ(paths.back(), "/etc/20");
  EXPECT_THAT(read({}, 3), ElementsAre("/etc/1", "/etc/2"));
}

TEST_F(PastReaderTest, Filters) {
  write(1, 6);
  EventFilter filter;
  filter.container = "odd";
  EXPECT_THAT(read(filter), ElementsAre("/etc/1", "/etc/3", "/etc/5"));
  filter.since = at(3);
  filter.until = at(4);
  EXPECT_THAT(read(filter), ElementsAre("/etc/3"));
  filter = {};
  filter.path = *policy::PathGlob::compile("/etc/[56]");
  EXPECT_THAT(read(filter), ElementsAre("/etc/5", "/etc/6"));
  filter = {};
  filter.kind = "mode_change";
  EXPECT_THAT(read(filter), IsEmpty());
  filter = {};
  filter.after = 5;
  EXPECT_THAT(read(filter), ElementsAre("/etc/6"));
  filter = {};
  filter.origin = to_string(test::make_actor().origin);
  EXPECT_EQ(read(filter).size(), 6U);
  filter.tool = "none-such";
  EXPECT_THAT(read(filter), IsEmpty());
}

TEST_F(PastReaderTest, ReadsNoMoreSegmentsThanTheLastAreIn) {
  write(1, 20);
  const auto paths = read({}, UINT64_MAX, 2);
  EXPECT_LT(paths.size(), 20U);
  ASSERT_GE(paths.size(), 2U);
  EXPECT_EQ(paths[paths.size() - 2], "/etc/19");
  EXPECT_EQ(paths.back(), "/etc/20");
}

TEST(TextFilter, LetsThroughWhatIsWanted) {
  StreamEvent event = test::make_event(1, "3f2a");
  ContainerInfo info = *event.container;
  info.pod_namespace = "shop";
  info.pod = "web-0";
  info.pod_container = "app";
  event.container = std::make_shared<const ContainerInfo>(info);
  const std::string line = jsonl::event_json(event, "n1");
  EventFilter filter;
  EXPECT_TRUE(TextFilter(filter).may_want(line));
  for (const char* name :
       {"3f2a", "3f", "web", "shop/web-0", "shop/web-0/app", "\xff"}) {
    filter.container = name;
    EXPECT_TRUE(TextFilter(filter).may_want(line)) << name;
  }
  filter.container = "other";
  EXPECT_FALSE(TextFilter(filter).may_want(line));
  filter.container = "";
  filter.kind = event.kind;
  filter.class_name = event.class_name;
  filter.verdict = event.verdict;
  filter.origin = to_string((*event.actor)->origin);
  filter.tool = (*event.actor)->tool;
  EXPECT_TRUE(filter.wants(event));
  EXPECT_TRUE(TextFilter(filter).may_want(line));
  filter.kind = "file";
  EXPECT_FALSE(TextFilter(filter).may_want(line));
}

TEST_F(PastReaderTest, SaysWhatCannotBeRead) {
  write(1, 20);
  std::filesystem::resize_file(
      options_.directory + "/0000000000000001.jsonl.zst", 20);
  bool said = false;
  PastReader reader(options_.directory, UINT64_MAX, {}, 0,
                    [&said](const StreamEvent& event, std::string_view) {
                      said |= event.kind == "journal_unreadable";
                      return std::string();
                    });
  while (!reader.ended()) reader.next();
  EXPECT_TRUE(said);
}

TEST_F(PastReaderTest, KnowsWhomTheJournalIsAbout) {
  write(1, 2);
  EXPECT_TRUE(*is_in_journal(options_.directory, "odd"));
  EXPECT_TRUE(*is_in_journal(options_.directory, "web"));
  EXPECT_FALSE(*is_in_journal(options_.directory, "none"));
  EXPECT_EQ(beginning_of_journal(options_.directory), at(1));
}

std::string all_of(EventFeed& feed) {
  std::string out;
  for (;;) {
    auto piece = feed.pull();
    out += piece.bytes;
    if (piece.ended) return out;
  }
}

TEST_F(PastReaderTest, AFeedJoinsTheJournalAndWhatIsInMemory) {
  write(1, 6);
  test::FakeAgent agent;
  agent.queue->oldest = 5;
  for (const std::uint64_t seq : {5, 6, 7}) {
    StreamEvent event = test::make_event(seq, "odd");
    event.time = at(seq);
    event.path = "/memory/" + std::to_string(seq);
    agent.queue->push(event);
  }
  agent.queue->close();
  Query query;
  query.output = Output::json;
  EventFeed feed(agent.subscribe(WallTime{INT64_MIN}, false), query, "n1",
                 nullptr, options_.directory);
  const std::string text = all_of(feed);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 7);
  EXPECT_THAT(text, HasSubstr("/etc/4"));
  EXPECT_THAT(text, Not(HasSubstr("/etc/5")));
  EXPECT_THAT(text, HasSubstr("/memory/5"));
  EXPECT_THAT(text, Not(HasSubstr("prev")));
  EXPECT_TRUE(text.starts_with(R"({"actor":)")) << text.substr(0, 40);
}

TEST_F(PastReaderTest, AFeedOfTheLatest) {
  write(1, 6);
  test::FakeAgent agent;
  agent.queue->close();
  Query query;
  query.last = 2;
  EventFeed feed(agent.subscribe(WallTime{INT64_MIN}, false), query, "n1",
                 nullptr, options_.directory);
  const std::string text = all_of(feed);
  EXPECT_THAT(text, Not(HasSubstr("/etc/4")));
  EXPECT_THAT(text, HasSubstr("/etc/5"));
  EXPECT_THAT(text, HasSubstr("/etc/6"));
}

TEST(Reorder, ByTimeThenNumber) {
  Reorder order;
  EXPECT_EQ(order.push(WallTime{3}, 1, "c"), "");
  EXPECT_EQ(order.push(WallTime{1}, 3, "b"), "");
  EXPECT_EQ(order.push(WallTime{1}, 2, "a"), "");
  EXPECT_EQ(order.flush(), "abc");
  EXPECT_TRUE(order.empty());
}

TEST(Reorder, IsBounded) {
  Reorder order;
  std::string out;
  for (int i = 0; i < 10'000; ++i) {
    out += order.push(WallTime{i}, static_cast<std::uint64_t>(i), "x");
  }
  EXPECT_GT(out.size(), 9'000U);
}

}  // namespace
}  // namespace stillframe::socket_api
