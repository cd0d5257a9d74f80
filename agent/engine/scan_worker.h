// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>

#include "agent/engine/mailbox.h"
#include "agent/engine/scan_runner.h"

namespace stillframe::engine {

// Runs scans in a thread of its own and hands each result to the loop by its
// mailbox. It shares nothing with the loop but the job.
class ScanWorker : public ScanRunner {
 public:
  explicit ScanWorker(Mailbox* mailbox);  // which outlives it
  ~ScanWorker() override;  // interrupts the scan under way, drops the rest
  ScanWorker(const ScanWorker&) = delete;
  ScanWorker& operator=(const ScanWorker&) = delete;

  void submit(std::shared_ptr<drift::Scanner> scanner, drift::ScanWork work,
              bool urgent, Task<void(Scanned)> done) override;
  void read(std::function<Packages()> read, Task<void(Packages)> done) override;

 private:
  struct Scan {
    std::shared_ptr<drift::Scanner> scanner;
    drift::ScanWork work;
    Task<void(Scanned)> done;
  };
  struct Read {
    std::function<Packages()> read;
    Task<void(Packages)> done;
  };
  using Job = std::variant<Scan, Read>;

  void add(Job job, bool urgent);
  void run(const std::stop_token& stop);
  void carry_out(Scan job, const std::stop_token& stop);
  void carry_out(Read job, const std::stop_token& stop);

  Mailbox* mailbox_;
  std::mutex mutex_;  // jobs_
  std::condition_variable_any wake_;
  std::deque<Job> jobs_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace stillframe::engine
