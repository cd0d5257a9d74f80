// SPDX-License-Identifier: Apache-2.0
#include "exporters/journald/sender.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "agent/base/log.h"
#include "exporters/journald/entry.h"

namespace stillframe::journald {
namespace {

using std::chrono::steady_clock;

// Journald has room again once it has read, and is back when somebody starts
// it.
constexpr std::chrono::milliseconds kRoomAfter{10};
constexpr std::chrono::milliseconds kBackAfter{500};
// Of the agent's end.
constexpr std::chrono::milliseconds kEndWithin{300};

}  // namespace

// Rings when there are events. Shared with the stream, which may ring while the
// sender goes.
struct Sender::Bell {
  std::mutex mutex;
  std::condition_variable_any changed;
  bool ringing = false;

  void ring() {
    const std::lock_guard lock(mutex);
    ringing = true;
    changed.notify_one();
  }
  void wait(const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    changed.wait(lock, stop, [this] { return ringing; });
    ringing = false;
  }
  void pause(std::chrono::milliseconds time, const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, stop, time, [] { return false; });
  }
};

Sender::Sender(AgentApi& agent, Options options)
    : node_(std::move(options.node)),
      socket_(std::move(options.socket)),
      stream_(agent.follow_entries()),
      bell_(std::make_shared<Bell>()) {
  stream_->when_ready([bell = bell_] { bell->ring(); });
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Sender::~Sender() = default;

State Sender::state() const {
  return {
      .sent = sent_, .queue_full = stream_->dropped(), .send_failed = failed_};
}

// Once it is to end: whether there is no more time, or nobody to send to.
bool Sender::over(const std::stop_token& stop) {
  if (!stop.stop_requested()) return false;
  if (!end_) end_ = steady_clock::now() + kEndWithin;
  return away_ || steady_clock::now() >= *end_;
}

void Sender::run(const std::stop_token& stop) {
  while (!over(stop)) {
    if (const auto event = stream_->next()) {
      send(to_entry(*event, node_), stop);
    } else if (stop.stop_requested() || stream_->closed()) {
      return;
    } else {
      bell_->wait(stop);
    }
  }
}

// Tries until journald takes it.
void Sender::send(std::string_view entry, const std::stop_token& stop) {
  while (!over(stop)) {
    const auto sent = socket_.send(entry);
    if (sent) return arrived();
    if (sent.error().code == EMSGSIZE) {
      ++failed_;
      return;
    }
    if (sent.error().code == EAGAIN) {
      std::this_thread::sleep_for(kRoomAfter);
    } else {
      miss(sent.error());
      bell_->pause(kBackAfter, stop);
    }
  }
}

void Sender::arrived() {
  ++sent_;
  if (!std::exchange(away_, false)) return;
  log_info("journald is there again: events are sent");
}

void Sender::miss(const Error& why) {
  if (std::exchange(away_, true)) return;
  log_warn(
      "journald is not there: events wait for it",
      {{"error", why.message},
       {"hint", "start systemd-journald, or run without --events.journald"}});
}

}  // namespace stillframe::journald
