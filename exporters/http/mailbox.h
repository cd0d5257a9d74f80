// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "agent/base/fd.h"
#include "exporters/http/answer.h"

namespace stillframe::http {

// What other threads tell the front's thread. Shared, since a stream's wake-up
// call may come after the front has gone.
class Mailbox {
 public:
  struct Answered {
    std::uint64_t connection = 0;
    Answer answer;
  };
  struct Mail {
    std::vector<Answered> answered;
    std::vector<std::uint64_t> ready;  // connections whose stream has more
    bool stop = false;
  };

  Mailbox();

  void answered(std::uint64_t connection, Answer answer);
  void ready(std::uint64_t connection);
  void stop();

  // Readable while there is mail; -1 when the system refused one.
  int descriptor() const { return event_; }
  Mail take();

 private:
  void notify();

  Fd event_;
  std::mutex mutex_;
  Mail mail_;
};

}  // namespace stillframe::http
