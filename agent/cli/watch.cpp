// SPDX-License-Identifier: Apache-2.0
#include "agent/cli/watch.h"

#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <string_view>
#include <utility>

#include "agent/base/clock.h"
#include "agent/base/text.h"
#include "agent/cli/output.h"
#include "exporters/console/style.h"

namespace stillframe::cli {
namespace {

constexpr int kEveryMs = 2000;

// DEC's autowrap mode (DECAWM).
constexpr std::string_view kNoWrap = "\x1b[?7l";
constexpr std::string_view kWrap = "\x1b[?7h";

// Whatever it waits for. A picture may have been half written.
void end_well(int) {
  if (::isatty(STDOUT_FILENO) == 1) {
    static_cast<void>(!::write(STDOUT_FILENO, kWrap.data(), kWrap.size()));
  }
  ::_exit(kSuccess);
}

std::string time_of_day() {
  return rfc3339(wall_now()).substr(11, 8) + "Z";  // HH:MM:SS
}

// Over what is there, without a moment in which nothing is. What has no room
// would push the beginning out of the screen. Sequences of ECMA-48.
std::string picture(std::string_view text, std::size_t height) {
  constexpr std::string_view kHome = "\x1b[H";
  constexpr std::string_view kClearRestOfLine = "\x1b[K";
  constexpr std::string_view kClearBelow = "\x1b[J";
  auto lines = split(std::string(text), '\n');
  if (lines.back().empty()) lines.pop_back();
  const std::size_t room = height < 3 ? lines.size() : height - 1;
  std::string out(kHome);
  out += kNoWrap;
  for (std::size_t i = 0; i < lines.size() && i < room; ++i) {
    const bool cut = i + 1 == room && lines.size() > room;
    out += cut ? "… and " + std::to_string(lines.size() - i) + " more lines"
               : std::string(lines[i]);
    out += kClearRestOfLine;
    out += '\n';
  }
  return out.append(kWrap).append(kClearBelow);
}

class Watch {
 public:
  Watch(const std::string& socket, const WatchParameters& parameters,
        Streams streams)
      : client_(socket),
        parameters_(parameters),
        streams_(streams),
        terminal_(::isatty(streams.out) == 1) {}

  Result<> run();

 private:
  void take(socket_api::Reply reply);
  Result<> show();
  void note(std::string text);
  bool nobody_reads() const;

  const socket_api::Client client_;
  const WatchParameters& parameters_;
  const Streams streams_;
  const bool terminal_;
  bool shown_ = false;
  bool away_ = false;
  std::string body_;    // what was answered last
  std::string notice_;  // with it
  std::string note_;    // of the agent's absence
};

void Watch::note(std::string text) {
  if (!terminal_) say(streams_.err, "stillframe: " + text);
  note_ = std::move(text);
}

void Watch::take(socket_api::Reply reply) {
  body_ = std::move(reply.body);
  const bool said = notice_ == reply.notice;
  notice_ = std::move(reply.notice);
  if (!terminal_ && !said && !notice_.empty()) say(streams_.err, notice_);
}

Result<> Watch::show() {
  std::string text = body_;
  if (terminal_) {
    if (!notice_.empty()) text += notice_ + '\n';
    if (!note_.empty()) text += '\n' + note_ + '\n';
    text = (shown_ ? "" : "\x1b[2J") +
           picture(text, console::terminal_height(streams_.out));
  } else if (shown_) {
    text.insert(0, "\n");
  }
  shown_ = true;
  return write_out(streams_.out, text);
}

Result<> Watch::run() {
  for (;;) {
    const bool first = !shown_;
    auto reply = client_.get("/v1/ps", parameters_(first));
    if (!reply && first) return tl::unexpected<Error>(reply.error());
    if (!reply && !std::exchange(away_, true)) {
      note("the agent does not answer since " + time_of_day() + ": " +
           reply.error().message);
    } else if (reply && std::exchange(away_, false)) {
      note("the agent answers again since " + time_of_day());
    }
    const bool answered = reply.has_value();
    if (answered) take(*std::move(reply));
    if (answered || terminal_) {
      if (auto shown = show(); !shown) return shown;
    }
    if (nobody_reads()) return {};
  }
}

// Waits, too.
bool Watch::nobody_reads() const {
  pollfd reader{.fd = streams_.out, .events = 0, .revents = 0};
  return ::poll(&reader, 1, kEveryMs) > 0 &&
         (reader.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
}

}  // namespace

Result<> watch_containers(const std::string& socket,
                          const WatchParameters& parameters, Streams streams) {
  std::signal(SIGINT, end_well);
  std::signal(SIGTERM, end_well);
  auto done = Watch(socket, parameters, streams).run();
  if (!done && done.error().code == EPIPE) return {};
  return done;
}

}  // namespace stillframe::cli
