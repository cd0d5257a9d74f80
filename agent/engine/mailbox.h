// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <vector>

#include "agent/base/fd.h"
#include "agent/base/task.h"

namespace stillframe::engine {

// How other threads reach the loop: they post work, the loop runs it in its own
// thread. The one lock between them, held only while a list is swapped.
class Mailbox {
 public:
  Mailbox();

  // Any thread. Work that comes after close() is dropped at once, and with it
  // the replies it owns, which thereby answer.
  void post(Task<void()> work);
  int poll_fd() { return wake_; }  // readable when work waits
  void run();                      // the loop's thread
  void close();                    // drops what waits, and all that comes

 private:
  Fd wake_;
  std::mutex mutex_;  // the members below
  std::vector<Task<void()>> waiting_;
  bool closed_ = false;
};

}  // namespace stillframe::engine
