// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "agent/base/fd.h"
#include "agent/base/result.h"

namespace stillframe::journald {

// Where systemd-journald takes entries. Not by sd_journal_sendv(3): that waits
// as long as journald does not read, and is content where there is none.
class Socket {
 public:
  explicit Socket(std::string path) : path_(std::move(path)) {}

  // Never waits. The error's code says why nothing was sent: EAGAIN journald
  // has no room just now, EMSGSIZE the entry is too large; else it is not
  // there, and the next call tries to connect again.
  Result<> send(std::string_view entry);

 private:
  Result<> connect();

  const std::string path_;
  Fd fd_;
};

}  // namespace stillframe::journald
