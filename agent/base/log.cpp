// SPDX-License-Identifier: Apache-2.0
#include "agent/base/log.h"

#include <fmt/format.h>

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

#include "agent/base/clock.h"
#include "agent/base/text.h"

namespace stillframe {
namespace {

constexpr std::array<std::string_view, 4> kLevelNames = {"debug", "info",
                                                         "warning", "error"};
constexpr std::array<std::string_view, 4> kLevelColors = {
    "\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[31m"};

constexpr std::uint64_t kWindowNs = 10'000'000'000;
constexpr std::uint64_t kPerWindow = 10;
constexpr std::size_t kMessagesKept = 256;

std::string logfmt_value(std::string_view bytes) {
  std::string text = display(bytes);
  const bool bare = !text.empty() && text[0] != '"' &&
                    text.find_first_of(" =") == std::string::npos;
  if (bare || (!text.empty() && text[0] == '"')) return text;
  return '"' + text + '"';
}

// Holds back a message that repeats within its window.
class Limiter {
 public:
  struct Decision {
    bool write = true;
    std::uint64_t held_back = 0;  // since the message was last written
  };

  Decision admit(std::string_view message) {
    const std::uint64_t now = monotonic_now_ns();
    const std::lock_guard lock(mutex_);
    if (seen_.size() >= kMessagesKept) seen_.clear();
    auto& seen = seen_[std::string(message)];
    if (now - seen.window_start >= kWindowNs) {
      seen.window_start = now;
      seen.written = 0;
    }
    if (seen.written >= kPerWindow) {
      ++seen.held_back;
      return {.write = false};
    }
    ++seen.written;
    return {.write = true, .held_back = std::exchange(seen.held_back, 0)};
  }

 private:
  struct Seen {
    std::uint64_t window_start = 0;
    std::uint64_t written = 0;
    std::uint64_t held_back = 0;
  };
  std::mutex mutex_;
  std::map<std::string, Seen> seen_;
};

// Whoever reads it may have stopped: then lines are left out, and nobody here
// waits for long.
class StandardError {
 public:
  // False: it is left out.
  bool write(std::string line) {
    line += '\n';
    const std::lock_guard lock(mutex_);
    if (torn_) line.insert(line.begin(), '\n');
    std::string_view rest = line;
    while (!rest.empty()) {
      if (!writable()) break;
      // What poll(2) says has room for that much (pipe(7): PIPE_BUF).
      const auto n = ::write(STDERR_FILENO, rest.data(),
                             std::min<std::size_t>(rest.size(), PIPE_BUF));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;
      rest.remove_prefix(static_cast<std::size_t>(n));
    }
    stuck_ = !rest.empty();
    if (rest.size() < line.size()) torn_ = stuck_;
    return !stuck_;
  }

 private:
  bool writable() const {
    pollfd wait{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
    const int timeout = stuck_ ? 0 : kPatienceMs;
    return ::poll(&wait, 1, timeout) == 1 && (wait.revents & POLLOUT) != 0;
  }

  // For a reader that is only slow; once, until it reads again.
  static constexpr int kPatienceMs = 100;

  std::mutex mutex_;
  bool stuck_ = false;
  bool torn_ = false;  // the last line was cut short
};

struct State {
  std::atomic<LogLevel> level{LogLevel::info};
  std::atomic<LogFormat> format{LogFormat::logfmt};
  std::atomic<bool> color{false};
  std::atomic<std::uint64_t> warnings{0};
  std::atomic<std::uint64_t> errors{0};
  std::atomic<std::uint64_t> left_out{0};
  std::atomic<std::uint64_t> left_out_reported{0};
  Limiter limiter;
  StandardError out;
};

// Never destroyed: threads may log while the process ends.
State& state() {
  static auto& instance = *new State;
  return instance;
}

bool write_line(LogLevel level, std::string_view message, LogFields fields) {
  State& s = state();
  const bool written = s.out.write(format_log_line(
      s.format, level, rfc3339(wall_now()), message, fields, s.color));
  if (!written) ++s.left_out;
  return written;
}

// What the reader of the log has missed, once it reads again.
void report_left_out() {
  State& s = state();
  const std::uint64_t all = s.left_out;
  const std::uint64_t known = s.left_out_reported;
  if (all == known) return;
  if (write_line(
          LogLevel::warn, "lines of this log were left out",
          {{"count", all - known}, {"hint", "nobody read them in time"}})) {
    s.left_out_reported = all;
  }
}

void log(LogLevel level, std::string_view message, LogFields fields) {
  State& s = state();
  if (level == LogLevel::warn) ++s.warnings;
  if (level == LogLevel::error) ++s.errors;
  if (level < s.level) return;
  Limiter::Decision decision;
  if (level >= LogLevel::warn) decision = s.limiter.admit(message);
  if (!decision.write) return;
  if (write_line(level, message, fields)) report_left_out();
  if (decision.held_back != 0) {
    write_line(LogLevel::warn, "repeated messages were held back",
               {{"message", message}, {"count", decision.held_back}});
  }
}

}  // namespace

void log_setup(LogLevel level, LogFormat format, bool color) {
  state().level = level;
  state().format = format;
  state().color = color && format == LogFormat::logfmt;
}

void log_debug(std::string_view message, LogFields fields) {
  log(LogLevel::debug, message, fields);
}
void log_info(std::string_view message, LogFields fields) {
  log(LogLevel::info, message, fields);
}
void log_warn(std::string_view message, LogFields fields) {
  log(LogLevel::warn, message, fields);
}
void log_error(std::string_view message, LogFields fields) {
  log(LogLevel::error, message, fields);
}

LogCounts log_counts() {
  return {.warnings = state().warnings,
          .errors = state().errors,
          .left_out = state().left_out};
}

std::string format_log_line(LogFormat format, LogLevel level,
                            std::string_view time, std::string_view message,
                            LogFields fields, bool color) {
  const auto index = static_cast<std::size_t>(level);
  if (format == LogFormat::json) {
    nlohmann::json line = {{"time", time},
                           {"level", kLevelNames[index]},
                           {"msg", json_text(message)}};
    for (const auto& field : fields) {
      line[std::string(field.key)] = json_text(field.value);
    }
    return dump_json(line);
  }
  const std::string_view on = color ? kLevelColors[index] : "";
  const std::string_view off = color ? "\x1b[0m" : "";
  std::string line =
      fmt::format("time={} level={}{}{} msg={}", time, on, kLevelNames[index],
                  off, logfmt_value(message));
  for (const auto& field : fields) {
    line += fmt::format(" {}={}", field.key, logfmt_value(field.value));
  }
  return line;
}

Result<LogLevel> log_level_from(std::string_view name) {
  if (name == "debug") return LogLevel::debug;
  if (name == "info") return LogLevel::info;
  if (name == "warn" || name == "warning") return LogLevel::warn;
  if (name == "error") return LogLevel::error;
  return fail("'" + printable(name) +
              "' is not a log level: debug, info, warn or error");
}

Result<LogFormat> log_format_from(std::string_view name) {
  if (name == "logfmt") return LogFormat::logfmt;
  if (name == "json") return LogFormat::json;
  return fail("'" + printable(name) + "' is not a log format: logfmt or json");
}

}  // namespace stillframe
