// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "agent/base/fd.h"

namespace stillframe::engine {

// How other threads reach the loop: they post work, the loop runs it in its own
// thread. The one lock between them, held only while a list is swapped.
class Mailbox {
 public:
  Mailbox();

  void post(std::function<void()> work);  // any thread
  int poll_fd() { return wake_; }         // readable when work waits
  void run();                             // the loop's thread

 private:
  Fd wake_;
  std::mutex mutex_;
  std::vector<std::function<void()>> waiting_;
};

}  // namespace stillframe::engine
