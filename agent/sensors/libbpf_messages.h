// SPDX-License-Identifier: Apache-2.0
//
// What libbpf says while programs are loaded: the only account of why the
// kernel did not take one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace stillframe::sensors {

// Listens to what libbpf says in this thread, for as long as it lives. One at a
// time in a thread.
class LibbpfMessages {
 public:
  LibbpfMessages();
  ~LibbpfMessages();
  LibbpfMessages(const LibbpfMessages&) = delete;
  LibbpfMessages& operator=(const LibbpfMessages&) = delete;

  // Before the next attempt.
  void clear();
  // The last message that says why; empty: there was none.
  const std::string& complaint() const { return complaint_; }
  // The program that could not be loaded; empty: none was named.
  const std::string& failed_program() const { return failed_program_; }

  void take(std::string_view text);

 private:
  std::string complaint_;
  std::string failed_program_;
  std::size_t logged_ = 0;
};

// From here on warnings of libbpf go to our log, at level debug, and not to
// stderr: what comes of them is said where the answer is used. Of what is said
// to one listener at most 64 lines are logged.
void send_libbpf_messages_to_log();

}  // namespace stillframe::sensors
