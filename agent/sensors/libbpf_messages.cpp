// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/libbpf_messages.h"

#include <bpf/libbpf.h>

#include <cstdarg>
#include <cstdio>

#include "agent/base/log.h"

namespace stillframe::sensors {
namespace {

constexpr std::size_t kLinesLogged = 64;

// libbpf's callback has no context of its own, and runs in the thread that
// called libbpf.
thread_local LibbpfMessages* t_listener = nullptr;

// "libbpf: prog 'name': BPF program load failed: …"
std::string_view program_named(std::string_view line) {
  constexpr std::string_view kMark = "prog '";
  const auto at = line.find(kMark);
  if (at == std::string_view::npos) return {};
  const auto rest = line.substr(at + kMark.size());
  const auto end = rest.find('\'');
  return end == std::string_view::npos ? std::string_view{}
                                       : rest.substr(0, end);
}

// The line of a verifier's log that says what was wrong: the last but its
// statistics.
std::string last_words(std::string_view text) {
  std::string_view best;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    const bool statistics = line.rfind("processed ", 0) == 0 ||
                            line.rfind("-- ", 0) == 0 ||
                            line.rfind("verification time", 0) == 0 ||
                            line.rfind("stack depth", 0) == 0;
    if (!line.empty() && !statistics) best = line;
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  if (best.rfind("libbpf: ", 0) == 0) best.remove_prefix(8);
  return std::string(best);
}

// What came before these says more; or they are a guess at any EPERM, which is
// about maps before 5.11 only.
bool says_nothing(std::string_view text) {
  for (const std::string_view known :
       {"failed to load object", "BPF program load failed",
        "failed to load:", "try raising 'ulimit -l'"}) {
    if (text.find(known) != std::string_view::npos) return true;
  }
  return false;
}

void log_message(std::string_view words) {
  log_debug("libbpf says", {{"text", words}});
}

// noexcept: called from C, which an exception must not cross.
int hear(enum libbpf_print_level level, const char* format,
         va_list arguments) noexcept {
  if (level != LIBBPF_WARN) return 0;
  char line[4096];
  // A verifier's log is longer: what matters is its end.
  va_list again;
  va_copy(again, arguments);
  const int length = std::vsnprintf(line, sizeof line, format, arguments);
  std::string text(line);
  if (length >= static_cast<int>(sizeof line)) {
    text.resize(static_cast<std::size_t>(length) + 1);
    std::vsnprintf(text.data(), text.size(), format, again);
    text.pop_back();
  }
  va_end(again);
  if (t_listener != nullptr) {
    t_listener->take(text);
  } else {
    log_message(last_words(text));
  }
  return 0;
}

}  // namespace

LibbpfMessages::LibbpfMessages() { t_listener = this; }

LibbpfMessages::~LibbpfMessages() { t_listener = nullptr; }

void LibbpfMessages::clear() {
  complaint_.clear();
  failed_program_.clear();
}

void LibbpfMessages::take(std::string_view text) {
  std::string words = last_words(text);
  if (logged_ < kLinesLogged) log_message(words);
  ++logged_;
  if (const auto named = program_named(text); !named.empty()) {
    failed_program_ = std::string(named);
  }
  if (says_nothing(text) || words.empty() ||
      words.find("END PROG LOAD LOG") != std::string::npos) {
    return;
  }
  complaint_ = std::move(words);
}

void send_libbpf_messages_to_log() { libbpf_set_print(hear); }

}  // namespace stillframe::sensors
