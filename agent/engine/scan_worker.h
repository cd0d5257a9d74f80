// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "agent/drift/ledger/container_drift.h"
#include "agent/drift/scan/scanner.h"
#include "agent/engine/mailbox.h"

namespace stillframe::engine {

// What the agent's statistics want of a scan.
struct ScanOutcome {
  std::size_t entries = 0;
  std::size_t errors = 0;
  std::uint64_t started_boot_ns = 0;
  std::uint64_t duration_ns = 0;
  bool full = false;
};

// Runs scans aside, one after the other, and hands each result to the loop. The
// loop applies it; until then it leaves the container's tree alone, so that the
// scan may look things up in it.
class ScanWorker {
 public:
  explicit ScanWorker(Mailbox* mailbox);
  ~ScanWorker();  // finishes the scan under way, drops the rest
  ScanWorker(const ScanWorker&) = delete;
  ScanWorker& operator=(const ScanWorker&) = delete;

  // Both callbacks run in the loop's thread: `before` ahead of the result going
  // into `drift`, so that what caused a change is known when the change is,
  // `applied` after it. `urgent`: somebody waits for the answer.
  void submit(std::shared_ptr<drift::Scanner> scanner,
              std::shared_ptr<drift::ContainerDrift> drift,
              drift::ScanWork work, bool urgent, std::function<void()> before,
              std::function<void(const ScanOutcome&)> applied);

 private:
  void run();

  Mailbox* mailbox_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace stillframe::engine
