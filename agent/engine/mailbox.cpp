// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/mailbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

namespace stillframe::engine {

Mailbox::Mailbox() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void Mailbox::post(Task<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    // Dropped by the caller's frame, without the lock.
    if (closed_) return;
    waiting_.push_back(std::move(work));
  }
  const std::uint64_t one = 1;
  // A full counter is as readable as any: nothing to do about a failure.
  [[maybe_unused]] const ssize_t n = ::write(wake_, &one, sizeof one);
}

void Mailbox::run() {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t n = ::read(wake_, &count, sizeof count);
  std::vector<Task<void()>> work;
  {
    const std::lock_guard lock(mutex_);
    work.swap(waiting_);
  }
  for (auto& item : work) item();
}

void Mailbox::close() {
  std::vector<Task<void()>> dropped;
  const std::lock_guard lock(mutex_);
  closed_ = true;
  dropped.swap(waiting_);
}

}  // namespace stillframe::engine
