// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "exporters/agent_api.h"
#include "exporters/journald/socket.h"
#include "exporters/journald/state.h"

namespace stillframe::journald {

inline constexpr char kSocketPath[] = "/run/systemd/journal/socket";

struct Options {
  std::string node;
  std::string socket = kSocketPath;
};

// Sends each entry of the agent's to systemd-journald, by a thread of its own.
// While journald is away the latest wait for it, as many as the stream holds.
class Sender {
 public:
  Sender(AgentApi& agent, Options options);
  // Sends what waits, unless journald is away or that takes too long.
  ~Sender();
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  State state() const;  // from any thread

 private:
  struct Bell;

  bool over(const std::stop_token& stop);
  void run(const std::stop_token& stop);
  void send(std::string_view entry, const std::stop_token& stop);
  void arrived();
  void miss(const Error& why);

  const std::string node_;
  Socket socket_;
  std::unique_ptr<EventStream> stream_;
  std::shared_ptr<Bell> bell_;
  bool away_ = false;
  std::optional<std::chrono::steady_clock::time_point> end_;
  std::atomic<std::uint64_t> sent_ = 0;
  std::atomic<std::uint64_t> failed_ = 0;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace stillframe::journald
