// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/front.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <list>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "agent/base/clock.h"
#include "exporters/http/listen.h"
#include "tests/unit/exporters/raw_client.h"

namespace stillframe::http {
namespace {

using std::chrono::milliseconds;
using test::RawClient;
using testing::StartsWith;

constexpr char kRequest[] = "GET / HTTP/1.1\r\n\r\n";
constexpr char kAnswer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// Of the time-outs the one that a test is about; none of the others passes.
Settings patient() {
  constexpr milliseconds kLong{600'000};
  Settings settings;
  settings.patience = {.header = kLong,
                       .body = kLong,
                       .idle = kLong,
                       .answer = kLong,
                       .stalled = kLong,
                       .hang_up = kLong,
                       .stop = milliseconds(1000)};
  settings.requests_per_connection = 1000;
  return settings;
}

// A responder that answers when the test lets it.
class Held {
 public:
  Responder responder() {
    return [this, released = release_.get_future().share()](std::string_view,
                                                            bool last) {
      entered_.set_value();
      released.wait();
      return Answer{.bytes = kAnswer, .close = last, .stream = nullptr};
    };
  }
  void wait_until_entered() { entered_.get_future().wait(); }
  void release() { release_.set_value(); }

 private:
  std::promise<void> entered_;
  std::promise<void> release_;
};

class FrontTest : public testing::Test {
 protected:
  void start(const Settings& settings, Responder responder) {
    auto listener = listen_tcp("127.0.0.1", 0);
    ASSERT_TRUE(listener) << listener.error().message;
    port_ = port_of(*listener);
    std::vector<Fd> listeners;
    listeners.push_back(std::move(*listener));
    auto front =
        Front::start(std::move(listeners), std::move(responder), settings);
    ASSERT_TRUE(front) << front.error().message;
    front_ = std::move(*front);
  }
  void start(const Settings& settings) {
    start(settings, [](std::string_view, bool last) {
      return Answer{.bytes = kAnswer, .close = last, .stream = nullptr};
    });
  }
  void expect_served() {
    RawClient client(port_);
    ASSERT_TRUE(client.send(kRequest));
    EXPECT_EQ(client.receive_until("ok"), kAnswer);
  }

  std::uint16_t port_ = 0;
  std::unique_ptr<Front> front_;
};

TEST_F(FrontTest, AnswersARequestThatComesInPieces) {
  start(patient());
  RawClient client(port_);
  for (const char byte : std::string(kRequest)) {
    ASSERT_TRUE(client.send({&byte, 1}));
  }
  EXPECT_EQ(client.receive_until("ok"), kAnswer);
}

TEST_F(FrontTest, ServesOneConnectionAgainAndAgain) {
  start(patient());
  RawClient client(port_);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(client.send(kRequest));
    ASSERT_EQ(client.receive_until("ok"), kAnswer);
  }
}

TEST_F(FrontTest, AnswersRequestsSentAtOnceInTheirOrder) {
  Settings settings = patient();
  settings.workers = 8;
  start(settings, [](std::string_view request, bool) {
    return Answer{.bytes = std::string(request.substr(5, 2)),
                  .close = false,
                  .stream = nullptr};
  });
  RawClient client(port_);
  std::string requests;
  std::string answers;
  for (int i = 10; i < 100; ++i) {
    requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\n\r\n\r\n";
    answers += std::to_string(i);
  }
  ASSERT_TRUE(client.send(requests));
  EXPECT_EQ(client.receive_until("99"), answers);
}

TEST_F(FrontTest, EndsAConnectionAfterItsLastRequest) {
  Settings settings = patient();
  settings.requests_per_connection = 2;
  start(settings);
  RawClient client(port_);
  ASSERT_TRUE(client.send(std::string(kRequest) + kRequest + kRequest));
  EXPECT_EQ(client.receive_all(), std::string(kAnswer) + kAnswer);
}

TEST_F(FrontTest, AnswersAClientThatHasEndedItsSide) {
  start(patient());
  RawClient client(port_);
  ASSERT_TRUE(client.send(kRequest));
  client.end_sending();
  EXPECT_EQ(client.receive_until("ok"), kAnswer);
}

TEST_F(FrontTest, RefusesWhatItDoesNotTake) {
  start(patient());
  struct {
    std::string request;
    const char* status;
  } const cases[] = {
      {"GET / HTTP/1.1\r\nA: " + std::string(64 << 10, 'a'), "431 "},
      {"POST / HTTP/1.1\r\nContent-Length: 999999\r\n\r\n" +
           std::string(64 << 10, 'a'),
       "413 "},
      {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "411 "},
      {"\x16\x03\x01\x02", "400 "},
      {"GET / HTTP/1.1\n\n", "400 "},
  };
  for (const auto& each : cases) {
    RawClient client(port_);
    client.send(each.request);
    EXPECT_THAT(client.receive_all(),
                StartsWith(std::string("HTTP/1.1 ") + each.status));
  }
  expect_served();
}

TEST_F(FrontTest, EndsClientsThatTakeTooLong) {
  struct {
    const char* name;
    milliseconds Patience::* time;
    const char* sent;
    const char* got;
  } const cases[] = {
      {"nothing sent", &Patience::header, "", ""},
      {"half a header", &Patience::header, "GET / HT", "HTTP/1.1 408 "},
      {"half a body", &Patience::body,
       "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nab", "HTTP/1.1 408 "},
      {"idle", &Patience::idle, kRequest, kAnswer},
      {"half a header after a request", &Patience::header,
       "GET / HTTP/1.1\r\n\r\nGET", kAnswer},
  };
  for (const auto& each : cases) {
    Settings settings = patient();
    settings.patience.*each.time = milliseconds(50);
    start(settings);
    RawClient client(port_);
    ASSERT_TRUE(client.send(each.sent)) << each.name;
    EXPECT_THAT(client.receive_all(), StartsWith(each.got)) << each.name;
    EXPECT_TRUE(client.has_ended_already()) << each.name;
  }
}

// What comes slowly does not prolong the time for all of it.
TEST_F(FrontTest, EndsAClientThatSendsSlowlyForEver) {
  Settings settings = patient();
  settings.patience.header = milliseconds(300);
  start(settings);
  RawClient client(port_);
  ASSERT_TRUE(client.send("GET / HTTP/1.1\r\nA: "));
  const auto limit = std::chrono::steady_clock::now() + milliseconds(10'000);
  while (!client.has_ended_already() && client.send("a")) {
    ASSERT_LT(std::chrono::steady_clock::now(), limit);
  }
}

TEST_F(FrontTest, EndsAClientThatDoesNotRead) {
  Settings settings = patient();
  settings.patience.answer = milliseconds(100);
  start(settings, [](std::string_view, bool) {
    return Answer{
        .bytes = std::string(64 << 20, 'x'), .close = false, .stream = nullptr};
  });
  RawClient client(port_);
  ASSERT_TRUE(client.send(kRequest));
  EXPECT_TRUE(client.is_ended());
}

TEST_F(FrontTest, EndsTheSlowestReaderWhenTooMuchWaits) {
  Settings settings = patient();
  settings.most_waiting_bytes = 16 << 20;
  start(settings, [](std::string_view, bool) {
    return Answer{.bytes = std::string(30 << 20, 'x') + "end",
                  .close = false,
                  .stream = nullptr};
  });
  RawClient first(port_);
  ASSERT_TRUE(first.send(kRequest));
  ASSERT_NE(first.receive(), "");  // its answer is on its way
  RawClient second(port_);
  ASSERT_TRUE(second.send(kRequest));
  EXPECT_TRUE(first.is_ended());
  EXPECT_EQ(second.receive_until("end").size(), (30u << 20) + 3);
}

// What a stream keeps of what nobody has read yet counts, too.
TEST_F(FrontTest, CountsWhatAStreamHolds) {
  class Large : public BodyStream {
   public:
    void when_ready(std::function<void()> /*wake*/) override {}
    Piece pull() override { return {std::string(64 << 10, 'x'), false}; }
    std::size_t held_bytes() const override { return 10 << 20; }
  };
  Settings settings = patient();
  settings.most_waiting_bytes = 16 << 20;
  start(settings, [](std::string_view, bool) {
    return Answer{
        .bytes = "begun", .close = true, .stream = std::make_unique<Large>()};
  });
  RawClient first(port_);
  ASSERT_TRUE(first.send(kRequest));
  ASSERT_NE(first.receive(), "");
  RawClient second(port_);
  ASSERT_TRUE(second.send(kRequest));
  ASSERT_NE(second.receive(), "");
  EXPECT_TRUE(first.is_ended());
}

TEST_F(FrontTest, MakesRoomForNewConnections) {
  Settings settings = patient();
  settings.most_connections = 4;
  start(settings);
  std::list<RawClient> clients;
  for (int i = 0; i < 10; ++i) {
    clients.emplace_back(port_);
    ASSERT_TRUE(clients.back().send("GET / HT"));
  }
  // One by one: the answer shows that it was accepted.
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back(port_);
    ASSERT_TRUE(clients.back().send(kRequest));
    ASSERT_EQ(clients.back().receive_until("ok"), kAnswer);
  }
  int ended = 0;
  for (auto& client : clients) ended += client.has_ended_already() ? 1 : 0;
  EXPECT_EQ(ended, 10);
}

TEST_F(FrontTest, DoesNotEndARequestUnderWayForANewConnection) {
  Held held;
  Settings settings = patient();
  settings.most_connections = 1;
  start(settings, held.responder());
  RawClient first(port_);
  ASSERT_TRUE(first.send(kRequest));
  held.wait_until_entered();
  RawClient second(port_);
  EXPECT_TRUE(second.is_ended());
  held.release();
  EXPECT_EQ(first.receive_until("ok"), kAnswer);
}

TEST_F(FrontTest, ServesBesideManyIdleAndSlowClients) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  constexpr int kIdle = 1000;
  constexpr int kSlow = 100;
  if (limit.rlim_max < 2 * (kIdle + kSlow) + 100) {
    GTEST_SKIP() << "needs 2300 file descriptors";
  }
  Settings settings = patient();
  settings.most_connections = 2048;
  start(settings);
  std::list<RawClient> idle;
  std::list<RawClient> slow;
  for (int i = 0; i < kIdle; ++i) {
    idle.emplace_back(port_);
    ASSERT_TRUE(idle.back().connected());
    const bool half = i % 2 == 0;
    ASSERT_TRUE(idle.back().send(half ? "GET / HTTP/1.1\r\nA: " : ""));
  }
  for (int i = 0; i < kSlow; ++i) {
    slow.emplace_back(port_);
    ASSERT_TRUE(slow.back().send("GET / HTTP/1.1\r\nA: "));
  }
  for (int i = 0; i < 5; ++i) {
    for (auto& client : slow) ASSERT_TRUE(client.send("a"));
    expect_served();
  }
  for (auto& client : slow) EXPECT_FALSE(client.has_ended_already());
  for (auto& client : idle) EXPECT_FALSE(client.has_ended_already());
}

TEST_F(FrontTest, KeepsThreadsForShortRequestsBesideManyLongOnes) {
  Settings settings = patient();
  settings.workers = 4;
  settings.most_lengthy = 2;
  settings.is_lengthy = [](std::string_view request) {
    return request.starts_with("GET /long");
  };
  std::promise<void> release;
  std::atomic<int> at_work = 0;
  start(settings, [&, released = release.get_future().share()](
                      std::string_view request, bool last) {
    if (request.starts_with("GET /long")) {
      EXPECT_LE(++at_work, 2);
      released.wait();
      --at_work;
    }
    return Answer{.bytes = kAnswer, .close = last, .stream = nullptr};
  });
  std::list<RawClient> waiting;
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(waiting.emplace_back(port_).send("GET /long HTTP/1.1\r\n\r\n"));
  }
  expect_served();
  release.set_value();
  for (auto& client : waiting) {
    EXPECT_EQ(client.receive_until("ok"), kAnswer);
  }
}

TEST_F(FrontTest, RefusesLongOnesWhereTooManyWait) {
  Settings settings = patient();
  settings.most_lengthy = 1;
  settings.most_lengthy_waiting = 2;
  settings.is_lengthy = [](std::string_view request) {
    return request.starts_with("GET /long");
  };
  Held held;
  auto first = held.responder();
  std::atomic<int> asked = 0;
  start(settings, [&, first](std::string_view request, bool last) {
    if (request.starts_with("GET /long") && asked++ == 0) {
      return first(request, last);
    }
    return Answer{.bytes = kAnswer, .close = last, .stream = nullptr};
  });
  constexpr char kLong[] = "GET /long HTTP/1.1\r\n\r\n";
  RawClient at_work(port_);
  ASSERT_TRUE(at_work.send(kLong));
  held.wait_until_entered();
  std::list<RawClient> waiting;
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(waiting.emplace_back(port_).send(kLong));
  }
  expect_served();  // after these were taken
  RawClient beyond(port_);
  ASSERT_TRUE(beyond.send(kLong));
  EXPECT_THAT(beyond.receive_all(), StartsWith("HTTP/1.1 503 "));
  expect_served();
  held.release();
  for (auto& client : waiting) {
    EXPECT_EQ(client.receive_until("ok"), kAnswer);
  }
}

// Whoever asks without end and leaves keeps nobody else waiting.
TEST_F(FrontTest, DoesNothingForThoseWhoHaveLeft) {
  Settings settings = patient();
  settings.workers = 1;
  std::atomic<int> asked = 0;
  Held held;
  auto first = held.responder();
  start(settings, [&, first](std::string_view request, bool last) {
    if (asked++ == 0) return first(request, last);
    return Answer{.bytes = kAnswer, .close = last, .stream = nullptr};
  });
  std::list<RawClient> refused;
  for (int i = 0; i < 3; ++i) refused.emplace_back(port_);
  RawClient slow(port_);
  ASSERT_TRUE(slow.send(kRequest));
  held.wait_until_entered();
  for (int i = 0; i < 50; ++i) {
    RawClient leaves(port_);
    ASSERT_TRUE(leaves.send(kRequest));
    leaves.reset();
  }
  RawClient stays(port_);
  ASSERT_TRUE(stays.send(kRequest));
  // The front itself refuses these. It knows the connections, so epoll gives
  // them in their turn: behind those that left, once they have been accepted.
  for (auto& client : refused) {
    ASSERT_TRUE(client.send("GET / HTTP/1.1\n\n"));
    EXPECT_THAT(client.receive_all(), StartsWith("HTTP/1.1 400 "));
  }
  held.release();
  EXPECT_EQ(stays.receive_until("ok"), kAnswer);
  EXPECT_EQ(asked, 2);
}

TEST_F(FrontTest, AnswersAnErrorWhenTheResponderThrows) {
  start(patient(), [](std::string_view, bool) -> Answer {
    throw std::runtime_error("no");
  });
  RawClient client(port_);
  ASSERT_TRUE(client.send(kRequest));
  EXPECT_THAT(client.receive_all(), StartsWith("HTTP/1.1 500 "));
}

// A stream that a test feeds.
class Feed {
 public:
  void push(const std::string& bytes, bool end = false) {
    const std::lock_guard lock(mutex_);
    bytes_ += bytes;
    ended_ = end;
    if (wake_) wake_();
  }
  std::unique_ptr<BodyStream> stream() { return std::make_unique<End>(*this); }
  std::size_t left() {
    const std::lock_guard lock(mutex_);
    return bytes_.size() - pulled_;
  }
  // Until the front has let go of the stream; false after ten seconds.
  bool wait_until_released() {
    std::unique_lock lock(mutex_);
    return released_changed_.wait_for(lock, std::chrono::seconds(10),
                                      [&] { return released_; });
  }

 private:
  class End : public BodyStream {
   public:
    explicit End(Feed& feed) : feed_(feed) {}
    ~End() override {
      const std::lock_guard lock(feed_.mutex_);
      feed_.released_ = true;
      feed_.wake_ = nullptr;
      feed_.released_changed_.notify_all();
    }
    void when_ready(std::function<void()> wake) override {
      const std::lock_guard lock(feed_.mutex_);
      feed_.wake_ = std::move(wake);
    }
    Piece pull() override {
      const std::lock_guard lock(feed_.mutex_);
      constexpr std::size_t kPiece = 64 << 10;
      Piece piece{.bytes = feed_.bytes_.substr(feed_.pulled_, kPiece),
                  .ended = false};
      feed_.pulled_ += piece.bytes.size();
      piece.ended = feed_.ended_ && feed_.pulled_ == feed_.bytes_.size();
      return piece;
    }

   private:
    Feed& feed_;
  };

  std::mutex mutex_;
  std::condition_variable released_changed_;
  std::string bytes_;
  std::size_t pulled_ = 0;
  bool ended_ = false;
  bool released_ = false;
  std::function<void()> wake_;
};

class FrontStreamTest : public FrontTest {
 protected:
  void start_streaming(const Settings& settings) {
    start(settings, [this](std::string_view, bool) {
      return Answer{.bytes = "head|", .close = true, .stream = feed_.stream()};
    });
  }
  Feed feed_;
};

TEST_F(FrontStreamTest, SendsPiecesAsTheyCome) {
  start_streaming(patient());
  RawClient client(port_);
  ASSERT_TRUE(client.send(kRequest));
  EXPECT_EQ(client.receive_until("|"), "head|");
  feed_.push("one");
  EXPECT_EQ(client.receive_until("one\r\n"), "3\r\none\r\n");
  feed_.push("three", true);
  EXPECT_EQ(client.receive_all(), "5\r\nthree\r\n0\r\n\r\n");
}

TEST_F(FrontStreamTest, EndsAReaderThatDoesNotRead) {
  Settings settings = patient();
  settings.patience.stalled = milliseconds(100);
  start_streaming(settings);
  feed_.push(std::string(64 << 20, 'x'));
  RawClient client(port_);
  ASSERT_TRUE(client.send(kRequest));
  EXPECT_TRUE(feed_.wait_until_released());
  // The sockets' buffers hold some, the front one piece.
  EXPECT_GT(feed_.left(), 32u << 20);
}

TEST_F(FrontStreamTest, GivesAllToAReaderThatReads) {
  start_streaming(patient());
  feed_.push(std::string(8 << 20, 'x'), true);
  RawClient client(port_);
  ASSERT_TRUE(client.send(kRequest));
  EXPECT_GT(client.receive_all().size(), 8u << 20);
}

TEST_F(FrontStreamTest, LetsGoWhenTheReaderLeaves) {
  start_streaming(patient());
  {
    RawClient client(port_);
    ASSERT_TRUE(client.send(kRequest));
    EXPECT_EQ(client.receive_until("|"), "head|");
  }
  EXPECT_TRUE(feed_.wait_until_released());
}

TEST_F(FrontStreamTest, EndsStreamsProperlyWhenItStops) {
  start_streaming(patient());
  RawClient client(port_);
  ASSERT_TRUE(client.send(kRequest));
  EXPECT_EQ(client.receive_until("|"), "head|");
  front_.reset();
  EXPECT_EQ(client.receive_all(), "0\r\n\r\n");
}

// A clock that stands still but for what handshakes take.
class HandshakeClock : public Clock {
 public:
  std::uint64_t boot_ns() const override { return now_; }
  std::uint64_t mono_ns() const override { return now_; }
  WallTime wall() const override { return {}; }
  void pass(std::uint64_t ns) { now_ += ns; }

 private:
  std::atomic<std::uint64_t> now_ = 1;
};

// What the front's thread does, in order.
struct Course {
  HandshakeClock clock;
  std::vector<std::string> steps;  // the front's
  std::promise<void> shaking;      // the first of those that are slow
  std::promise<void> go_on;
  int handshakes = 0;
};

// One whose handshake takes a millisecond, but for the first.
class SlowToShake : public Transport {
 public:
  SlowToShake(Fd socket, Course& course)
      : Transport(std::move(socket)), course_(course) {}

  Progress set_up() override {
    if (++course_.handshakes == 1) return Progress::done;
    if (course_.handshakes == 2) {
      course_.shaking.set_value();
      course_.go_on.get_future().wait();
    }
    course_.clock.pass(1'000'000);
    course_.steps.emplace_back("shakes");
    return Progress::done;
  }
  ssize_t receive(char* to, std::size_t size) override {
    const ssize_t count = ::recv(descriptor(), to, size, MSG_DONTWAIT);
    if (count > 0) course_.steps.emplace_back("receives");
    return count;
  }
  ssize_t send(std::string_view bytes) override {
    return ::send(descriptor(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  bool has_more() const override { return false; }
  std::uint32_t wanted(std::uint32_t usual) const override { return usual; }
  void end_sending() override { ::shutdown(descriptor(), SHUT_WR); }
  bool is_current() const override { return true; }

 private:
  Course& course_;
};

// A scraper that keeps its connection waits for two handshakes, not for all who
// have come to shake hands.
TEST_F(FrontTest, AnswersThoseItKnowsBetweenHandshakes) {
  Course course;
  Settings settings = patient();
  settings.clock = &course.clock;
  settings.transport = [&](Fd socket) {
    return std::make_unique<SlowToShake>(std::move(socket), course);
  };
  start(settings);
  RawClient known(port_);
  ASSERT_TRUE(known.send(kRequest));
  ASSERT_EQ(known.receive_until("ok"), kAnswer);
  std::list<RawClient> many;
  many.emplace_back(port_);
  course.shaking.get_future().wait();
  for (int i = 0; i < 20; ++i) many.emplace_back(port_);
  ASSERT_TRUE(known.send(kRequest));
  course.go_on.set_value();
  EXPECT_EQ(known.receive_until("ok"), kAnswer);
  for (auto& client : many) {
    ASSERT_TRUE(client.send(kRequest));
    EXPECT_EQ(client.receive_until("ok"), kAnswer);
  }
  front_.reset();
  ASSERT_GT(course.steps.size(), 20u);
  EXPECT_THAT(std::vector(course.steps.begin(), course.steps.begin() + 4),
              testing::ElementsAre("receives", "shakes", "shakes", "receives"));
}

TEST_F(FrontTest, StopsWithConnectionsOpen) {
  start(patient());
  std::list<RawClient> clients;
  for (int i = 0; i < 50; ++i) {
    clients.emplace_back(port_);
    ASSERT_TRUE(clients.back().send(i % 2 == 0 ? "GET / HT" : ""));
  }
  expect_served();
  front_.reset();
  for (auto& client : clients) EXPECT_TRUE(client.is_ended());
  EXPECT_TRUE(listen_tcp("127.0.0.1", port_));
}

// Those that have their answer, or the end of their stream, and keep the
// connection open are not waited for.
TEST_F(FrontStreamTest, StopsBesideClientsThatDoNotHangUp) {
  Settings settings = patient();
  settings.patience.stop = milliseconds(600'000);
  start_streaming(settings);
  RawClient client(port_);
  ASSERT_TRUE(client.send(kRequest));
  EXPECT_EQ(client.receive_until("|"), "head|");
  ASSERT_TRUE(client.send("unasked"));
  front_.reset();
  EXPECT_EQ(client.receive_all(), "0\r\n\r\n");
}

TEST_F(FrontTest, StopsBesideAClientThatDoesNotRead) {
  start(patient(), [](std::string_view, bool) {
    return Answer{
        .bytes = std::string(64 << 20, 'x'), .close = false, .stream = nullptr};
  });
  RawClient client(port_);
  ASSERT_TRUE(client.send(kRequest));
  ASSERT_NE(client.receive(), "");
  front_.reset();
  EXPECT_TRUE(client.is_ended());
}

TEST_F(FrontTest, DeliversAnAnswerThatComesWhileItStops) {
  Held held;
  start(patient(), held.responder());
  RawClient client(port_);
  ASSERT_TRUE(client.send(kRequest));
  held.wait_until_entered();
  std::thread stopper([&] { front_.reset(); });
  held.release();
  EXPECT_EQ(client.receive_until("ok"), kAnswer);
  client.end_sending();
  stopper.join();
}

TEST(ConnectionBound, LeavesDescriptorsForScans) {
  struct {
    std::size_t wanted, percent, limit, bound;
  } const cases[] = {
      {2048, 75, 1'048'576, 2048}, {2048, 75, 1024, 480}, {512, 25, 1024, 160},
      {2048, 75, 384, 16},         {2048, 75, 64, 16},    {8, 75, 1024, 8},
  };
  for (const auto& each : cases) {
    EXPECT_EQ(connection_bound(each.wanted, each.percent, each.limit),
              each.bound)
        << each.limit;
  }
}

}  // namespace
}  // namespace stillframe::http
