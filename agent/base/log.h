// SPDX-License-Identifier: Apache-2.0
//
// The agent's own log: one line per message on stderr, as logfmt
//
//   time=2026-11-22T12:00:00.000000001Z level=warning msg="…" key=value
//
// or as one JSON object. What each level means:
//   debug  for whoever works on Stillframe
//   info   normal, and worth knowing once
//   warn   something is not covered or was repaired; put a field "hint" with it
//   error  something the agent was asked to do was not done
//
// Messages are constant text; whatever varies goes into fields. Values are
// untrusted bytes and are escaped here. A warning or error that repeats is
// written at most ten times in ten seconds, the rest is counted: a container
// with broken metadata must not fill the disk. Nor does anybody wait for a pipe
// or terminal that nobody reads: lines are left out then, and counted.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

#include "agent/base/result.h"

namespace stillframe {

enum class LogLevel : std::uint8_t { debug, info, warn, error };
enum class LogFormat : std::uint8_t { logfmt, json };

// One key=value of a line. The key is a plain word of our own.
struct LogField {
  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(v) {}
  LogField(std::string_view k, const std::string& v) : key(k), value(v) {}
  LogField(std::string_view k, bool v) : key(k), value(v ? "true" : "false") {}
  LogField(std::string_view k, const Error& error)
      : key(k), value(error.message) {}
  template <typename Number>
    requires std::is_arithmetic_v<Number>
  LogField(std::string_view k, Number v) : key(k), value(std::to_string(v)) {}

  std::string_view key;
  std::string value;
};

using LogFields = std::initializer_list<LogField>;

// May be called again; before the first call: level info, logfmt, no colour.
void log_setup(LogLevel level, LogFormat format, bool color);

void log_debug(std::string_view message, LogFields fields = {});
void log_info(std::string_view message, LogFields fields = {});
void log_warn(std::string_view message, LogFields fields = {});
void log_error(std::string_view message, LogFields fields = {});

// Warnings and errors so far, those held back included.
struct LogCounts {
  std::uint64_t warnings = 0;
  std::uint64_t errors = 0;
  std::uint64_t left_out = 0;  // lines, of all levels
};
LogCounts log_counts();

// One line without its newline; for tests and for whoever writes elsewhere.
std::string format_log_line(LogFormat format, LogLevel level,
                            std::string_view time, std::string_view message,
                            LogFields fields, bool color = false);

Result<LogLevel> log_level_from(std::string_view name);
Result<LogFormat> log_format_from(std::string_view name);

}  // namespace stillframe
