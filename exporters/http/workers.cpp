// SPDX-License-Identifier: Apache-2.0
#include "exporters/http/workers.h"

namespace stillframe::http {

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

bool Workers::run(std::function<void()> task, Length length) {
  const std::lock_guard lock(mutex_);
  if (length == Length::lengthy && lengthy_.size() >= most_lengthy_waiting_) {
    return false;
  }
  (length == Length::lengthy ? lengthy_ : brief_).push_back(std::move(task));
  if (next() == nullptr) return true;
  if (idle_ < brief_.size() + lengthy_.size() && threads_.size() < most_) {
    threads_.emplace_back([this] { work(); });
  }
  wake_.notify_one();
  return true;
}

Workers::Queue* Workers::next() {
  if (!brief_.empty()) return &brief_;
  const bool may_run = stopping_ || lengthy_running_ < most_lengthy_;
  return may_run && !lengthy_.empty() ? &lengthy_ : nullptr;
}

void Workers::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    wake_.wait(lock, [&] { return stopping_ || next() != nullptr; });
    --idle_;
    Queue* const queue = next();
    if (queue == nullptr) return;
    const bool lengthy = queue == &lengthy_;
    auto task = std::move(queue->front());
    queue->pop_front();
    if (lengthy) ++lengthy_running_;
    lock.unlock();
    task();
    task = nullptr;  // what it holds is given back outside the lock
    lock.lock();
    if (lengthy) --lengthy_running_;
  }
}

}  // namespace stillframe::http
