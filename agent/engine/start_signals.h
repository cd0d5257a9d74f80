// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>

namespace stillframe::engine {

// While one of these lives, SIGTERM and SIGINT end the process at once. For the
// seconds before the loop takes signals: attaching is one long call after the
// other, and nothing has been written yet that an end could harm. The kernel
// side goes with the process; a socket left behind is recognised as stale.
// Belongs to the thread that made it, in which the signals are blocked
// otherwise. A thread begun meanwhile must end meanwhile: it does not block
// them, and would take them from the loop.
class StartSignals {
 public:
  StartSignals();
  ~StartSignals();
  StartSignals(const StartSignals&) = delete;
  StartSignals& operator=(const StartSignals&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace stillframe::engine
