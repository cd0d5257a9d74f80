// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/start_signals.h"

#include <unistd.h>

namespace stillframe::engine {
namespace {

constexpr int kSignals[] = {SIGTERM, SIGINT};

// Nothing but what signal-safety(7) lists.
extern "C" void end_at_once(int) {
  constexpr char kLine[] = "level=info msg=\"stopped while starting\"\n";
  [[maybe_unused]] const ssize_t n =
      ::write(STDERR_FILENO, kLine, sizeof kLine - 1);
  ::_exit(0);
}

void handle(void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;
  for (const int number : kSignals) ::sigaction(number, &action, nullptr);
}

}  // namespace

StartSignals::StartSignals() {
  handle(end_at_once);
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : kSignals) sigaddset(&signals, number);
  ::pthread_sigmask(SIG_UNBLOCK, &signals, &before_);
}

StartSignals::~StartSignals() {
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  handle(SIG_DFL);
}

}  // namespace stillframe::engine
