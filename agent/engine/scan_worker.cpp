// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/scan_worker.h"

#include <stop_token>
#include <utility>

namespace stillframe::engine {
namespace {

ScanOutcome outcome_of(const drift::ScanResult& scan) {
  return {scan.entries.size(), scan.errors.size(), scan.started_boot_ns,
          scan.duration_ns, true};
}

ScanOutcome outcome_of(const drift::PartialResult& part) {
  ScanOutcome outcome{0, part.errors.size(), part.started_boot_ns,
                      part.duration_ns, false};
  for (const auto& directory : part.directories) {
    outcome.entries += directory.entries.size();
  }
  return outcome;
}

}  // namespace

ScanWorker::ScanWorker(Mailbox* mailbox)
    : mailbox_(mailbox), thread_([this] { run(); }) {}

ScanWorker::~ScanWorker() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    jobs_.clear();
  }
  wake_.notify_one();
  thread_.join();
}

void ScanWorker::submit(std::shared_ptr<drift::Scanner> scanner,
                        std::shared_ptr<drift::ContainerDrift> drift,
                        drift::ScanWork work, bool urgent,
                        std::function<void()> before,
                        std::function<void(const ScanOutcome&)> applied) {
  auto job = [this, scanner = std::move(scanner), drift = std::move(drift),
              work = std::move(work), before = std::move(before),
              applied = std::move(applied)] {
    const auto deliver = [&](auto result) {
      mailbox_->post([drift, before, applied, result = std::move(result)] {
        before();
        drift->applied(result);
        applied(outcome_of(result));
      });
    };
    if (work.full) {
      deliver(scanner->scan(std::stop_token()));
    } else {
      deliver(scanner->scan(work.parts, std::stop_token()));
    }
  };
  {
    const std::lock_guard lock(mutex_);
    if (urgent) {
      jobs_.push_front(std::move(job));
    } else {
      jobs_.push_back(std::move(job));
    }
  }
  wake_.notify_one();
}

void ScanWorker::run() {
  for (;;) {
    std::function<void()> job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (stopping_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

}  // namespace stillframe::engine
