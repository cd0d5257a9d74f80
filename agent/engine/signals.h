// SPDX-License-Identifier: Apache-2.0
//
// SIGTERM, SIGINT and SIGHUP. They are blocked in every thread; one of its own
// takes them, so that the agent ends in time whatever its loop is amid: the
// verifier looking at programs, or a scan of a million files being taken in.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <thread>

#include "agent/base/fd.h"
#include "agent/base/result.h"

namespace stillframe::engine {

// Blocks them in this thread, and in those that it begins from now on.
void block_signals();

class Signals {
 public:
  // All are called by the thread of this.
  struct Actions {
    // SIGTERM or SIGINT came: asks the agent to end. Called once; returns how
    // long that may take.
    std::function<std::chrono::milliseconds()> stop;
    std::function<void()> reload;  // SIGHUP
    // It took longer: ends the process. What was seen and not yet written is
    // found by the next start, as after kill -9.
    std::function<void()> give_up;
  };

  static Result<std::unique_ptr<Signals>> take(Actions actions);
  // The agent has ended by itself. Waits for an action under way.
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

 private:
  explicit Signals(Actions actions);
  void run();

  const Actions actions_;
  Fd signals_;
  Fd ended_;
  std::thread thread_;
};

}  // namespace stillframe::engine
