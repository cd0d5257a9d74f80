// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/follow.h"

#include <poll.h>

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "agent/base/number.h"
#include "agent/cli/output.h"
#include "exporters/console/console.h"
#include "exporters/jsonl/event_reader.h"

namespace stillframe::cli {
namespace {

constexpr int kTryAgainMs = 500;

// The events of one client, from however many connections.
class Follower {
 public:
  Follower(const socket_api::Parameters& parameters, Streams streams)
      : parameters_(parameters.begin(), parameters.end()), streams_(streams) {
    json_ = parameters_["output"] == "json";
    style_.color = parameters_["color"] == "1";
    // Where to go on is in the JSON alone.
    parameters_["output"] = "json";
  }

  Result<> run(const std::string& socket);

 private:
  bool take(std::string_view piece);
  void print(std::string_view line);
  void go_on_behind_last();
  bool nobody_reads() const;

  std::map<std::string, std::string> parameters_;  // of events, each once
  const Streams streams_;
  bool json_ = false;
  console::Style style_;
  std::string begun_;  // a line that is not all there yet
  std::uint64_t last_ = 0;
  Result<> written_;
};

Result<> Follower::run(const std::string& socket) {
  const socket_api::Client client(socket);
  const WallTime began = wall_now();
  bool connected = false;
  bool waiting = false;
  for (;;) {
    begun_.clear();
    auto done =
        client.stream("/v1/events", {parameters_.begin(), parameters_.end()},
                      [this, &waiting](std::string_view piece) {
                        waiting = false;
                        return take(piece);
                      });
    if (!written_) return written_;
    if (!done && !connected) return done;
    connected = true;
    if (!std::exchange(waiting, true)) {
      say(streams_.err,
          "stillframe: the agent has ended the stream; waiting "
          "for it to come back");
    }
    if (nobody_reads()) return {};
    go_on_behind_last();
    // What came before the first event, while the agent was gone.
    if (last_ == 0 && !parameters_.contains("since")) {
      parameters_["since"] = rfc3339(began);
    }
  }
}

bool Follower::take(std::string_view piece) {
  begun_ += piece;
  std::string_view rest = begun_;
  for (;;) {
    const std::size_t newline = rest.find('\n');
    if (newline == std::string_view::npos) break;
    print(rest.substr(0, newline));
    rest.remove_prefix(newline + 1);
    if (!written_) return false;
  }
  begun_ = std::string(rest);
  return true;
}

void Follower::print(std::string_view line) {
  const auto event = jsonl::event_from_json(line);
  if (!event) return;
  if (event->seq > last_) last_ = event->seq;
  const std::string text =
      json_ ? std::string(line) + '\n' : console::event_line(*event, style_);
  written_ = write_out(streams_.out, text);
}

void Follower::go_on_behind_last() {
  if (last_ == 0) return;
  parameters_["after"] = std::to_string(last_);
  parameters_.erase("last");
}

// Waits a moment, too.
bool Follower::nobody_reads() const {
  pollfd reader{.fd = streams_.out, .events = 0, .revents = 0};
  return ::poll(&reader, 1, kTryAgainMs) > 0 &&
         (reader.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
}

}  // namespace

Result<> follow_events(const std::string& socket,
                       const socket_api::Parameters& parameters,
                       Streams streams) {
  auto done = Follower(parameters, streams).run(socket);
  if (!done && done.error().code == EPIPE) return {};
  return done;
}

}  // namespace stillframe::cli
