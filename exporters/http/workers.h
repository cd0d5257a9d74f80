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
// above it tasks wait their turn. Of long ones only so many run at a time, so
// that short ones always find a thread, and only so many wait.
class Workers {
 public:
  enum class Length { brief, lengthy };

  Workers(std::size_t most, std::size_t most_lengthy,
          std::size_t most_lengthy_waiting)
      : most_(most),
        most_lengthy_(most_lengthy),
        most_lengthy_waiting_(most_lengthy_waiting) {}
  ~Workers();  // runs what waits, then returns

  // False: too many long ones wait already, and it will not be run.
  bool run(std::function<void()> task, Length length);

 private:
  using Queue = std::deque<std::function<void()>>;
  void work();
  Queue* next();  // null: nothing may be run now

  const std::size_t most_;
  const std::size_t most_lengthy_;
  const std::size_t most_lengthy_waiting_;
  std::mutex mutex_;
  std::condition_variable wake_;
  Queue brief_;
  Queue lengthy_;
  std::size_t lengthy_running_ = 0;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool stopping_ = false;
};

}  // namespace stillframe::http
