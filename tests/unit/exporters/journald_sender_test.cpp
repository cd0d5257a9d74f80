// SPDX-License-Identifier: Apache-2.0
#include "exporters/journald/sender.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>

#include "agent/base/log.h"
#include "tests/unit/exporters/fake_agent.h"
#include "tests/unit/exporters/native_protocol.h"

namespace stillframe::journald {
namespace {

using namespace std::chrono_literals;
using test::make_event;
using Clock = std::chrono::steady_clock;

// The socket of a journald that reads when it is told to.
class Receiver {
 public:
  explicit Receiver(const std::string& path)
      : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ::unlink(path.c_str());
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address),
                     sizeof address),
              0);
  }

  // The number of the next event; nothing: none came for ten seconds.
  std::optional<std::string> next() const {
    pollfd wanted{.fd = fd_, .events = POLLIN, .revents = 0};
    if (::poll(&wanted, 1, 10'000) != 1) return std::nullopt;
    std::string datagram(1 << 20, '\0');
    const ssize_t size = ::recv(fd_, datagram.data(), datagram.size(), 0);
    if (size < 0) return std::nullopt;
    datagram.resize(static_cast<std::size_t>(size));
    const auto fields = test::fields_of(datagram);
    return fields ? std::optional(fields->at("STILLFRAME_SEQ")) : std::nullopt;
  }

 private:
  Fd fd_;
};

// False: not within ten seconds.
bool wait_for_warnings(std::uint64_t count) {
  const auto deadline = Clock::now() + 10s;
  while (log_counts().warnings < count) {
    if (Clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

class JournaldSender : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "stillframe-journald-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    socket_ = directory_ + "/socket";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::unique_ptr<Sender> start() {
    return std::make_unique<Sender>(agent_,
                                    Options{.node = "n1", .socket = socket_});
  }
  void push(std::uint64_t seq) { agent_.queue->push(make_event(seq, "web")); }

  test::FakeAgent agent_;
  std::string directory_;
  std::string socket_;
};

TEST_F(JournaldSender, SendsEventsInOrder) {
  const Receiver journald(socket_);
  const auto sender = start();
  for (std::uint64_t seq = 1; seq <= 100; ++seq) {
    push(seq);
    ASSERT_EQ(journald.next(), std::to_string(seq));
  }
}

TEST_F(JournaldSender, WaitsWhereThereIsNoneAndGoesOnOnceItIsBack) {
  const std::uint64_t warnings = log_counts().warnings;
  const auto sender = start();
  push(1);
  push(2);
  ASSERT_TRUE(wait_for_warnings(warnings + 1));
  {
    const Receiver journald(socket_);
    EXPECT_EQ(journald.next(), "1");
    EXPECT_EQ(journald.next(), "2");
  }
  push(3);  // its socket is still there, and nobody listens
  ASSERT_TRUE(wait_for_warnings(warnings + 2));
  const Receiver journald(socket_);
  EXPECT_EQ(journald.next(), "3");
  EXPECT_EQ(log_counts().warnings, warnings + 2);  // once for each time
}

TEST_F(JournaldSender, SendsWhatWaitsBeforeItEnds) {
  const Receiver journald(socket_);
  auto sender = start();
  for (std::uint64_t seq = 1; seq <= 5; ++seq) push(seq);
  sender.reset();
  for (std::uint64_t seq = 1; seq <= 5; ++seq) {
    EXPECT_EQ(journald.next(), std::to_string(seq));
  }
}

TEST_F(JournaldSender, EndsInTimeWhateverJournaldDoes) {
  for (const bool there : {false, true}) {
    std::optional<Receiver> journald;
    if (there) journald.emplace(socket_);  // and never reads
    auto sender = start();
    for (std::uint64_t seq = 1; seq <= 2000; ++seq) push(seq);
    const auto begun = Clock::now();
    sender.reset();
    EXPECT_LT(Clock::now() - begun, 2s) << there;
  }
}

TEST_F(JournaldSender, LosesNothingToAJournaldThatIsSlow) {
  const Receiver journald(socket_);
  const auto sender = start();
  for (std::uint64_t seq = 1; seq <= 2000; ++seq) push(seq);
  for (std::uint64_t seq = 1; seq <= 2000; ++seq) {
    ASSERT_EQ(journald.next(), std::to_string(seq));
  }
}

TEST_F(JournaldSender, CountsWhatItSentAndWhatWasDropped) {
  const Receiver journald(socket_);
  const auto sender = start();
  for (std::uint64_t seq = 1; seq <= 3; ++seq) {
    push(seq);
    ASSERT_EQ(journald.next(), std::to_string(seq));
  }
  {
    const std::lock_guard lock(agent_.queue->mutex);
    agent_.queue->dropped = 3;
  }
  // The third may have been read before it was counted.
  EXPECT_GE(sender->state().sent, 2u);
  EXPECT_EQ(sender->state().queue_full, 3u);
  EXPECT_EQ(sender->state().send_failed, 0u);
}

}  // namespace
}  // namespace stillframe::journald
