// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/signals.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>
#include <utility>

namespace stillframe::engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

sigset_t taken() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    sigaddset(&signals, number);
  }
  return signals;
}

int milliseconds_until(std::optional<steady_clock::time_point> deadline) {
  if (!deadline) return -1;
  const auto left =
      std::chrono::ceil<milliseconds>(*deadline - steady_clock::now());
  return static_cast<int>(std::max(left, milliseconds(0)).count());
}

}  // namespace

void block_signals() {
  const sigset_t signals = taken();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

Signals::Signals(Actions actions) : actions_(std::move(actions)) {}

Result<std::unique_ptr<Signals>> Signals::take(Actions actions) {
  std::unique_ptr<Signals> made(new Signals(std::move(actions)));
  const sigset_t signals = taken();
  made->signals_ = ::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  if (made->signals_ < 0) return fail("signalfd", errno);
  made->ended_ = ::eventfd(0, EFD_CLOEXEC);
  if (made->ended_ < 0) return fail("eventfd", errno);
  made->thread_ = std::thread([&signals = *made] { signals.run(); });
  return made;
}

Signals::~Signals() {
  if (!thread_.joinable()) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(ended_, &one, sizeof one);
  thread_.join();
}

void Signals::run() {
  std::optional<steady_clock::time_point> deadline;  // once asked to stop
  for (;;) {
    pollfd waits[] = {{signals_, POLLIN, 0}, {ended_, POLLIN, 0}};
    const int ready = ::poll(waits, 2, milliseconds_until(deadline));
    if (waits[1].revents != 0) return;
    if (ready == 0 && deadline) {
      actions_.give_up();
      return;
    }
    signalfd_siginfo info{};
    while (::read(signals_, &info, sizeof info) == sizeof info) {
      if (info.ssi_signo == SIGHUP) {
        actions_.reload();
      } else if (!deadline) {
        deadline = steady_clock::now() + actions_.stop();
      }
    }
  }
}

}  // namespace stillframe::engine
