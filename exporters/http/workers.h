// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace stillframe::http {

// Runs tasks in threads that are made when they are needed, up to a bound;
// above it tasks wait their turn.
class Workers {
 public:
  explicit Workers(std::size_t most) : most_(most) {}
  ~Workers();  // runs what waits, then returns

  void run(std::function<void()> task);

 private:
  void work();

  const std::size_t most_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool stopping_ = false;
};

}  // namespace stillframe::http
