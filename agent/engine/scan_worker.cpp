// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/scan_worker.h"

#include <utility>

namespace stillframe::engine {

ScanWorker::ScanWorker(Mailbox* mailbox)
    : mailbox_(mailbox),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

ScanWorker::~ScanWorker() {
  thread_.request_stop();
  thread_.join();
}

void ScanWorker::submit(std::shared_ptr<drift::Scanner> scanner,
                        drift::ScanWork work, bool urgent,
                        Task<void(Scanned)> done) {
  add(Scan{std::move(scanner), std::move(work), std::move(done)}, urgent);
}

void ScanWorker::read(std::function<Packages()> read,
                      Task<void(Packages)> done) {
  add(Read{std::move(read), std::move(done)}, false);
}

void ScanWorker::add(Job job, bool urgent) {
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

void ScanWorker::carry_out(Read job, const std::stop_token& stop) {
  auto result = job.read();
  if (stop.stop_requested()) return;
  mailbox_->post(
      [done = std::move(job.done), result = std::move(result)]() mutable {
        done(std::move(result));
      });
}

void ScanWorker::carry_out(Scan job, const std::stop_token& stop) {
  Scanned result;
  if (job.work.full) {
    result = job.scanner->scan(stop, job.work.thorough);
  } else {
    result = job.scanner->scan(job.work.parts, stop);
  }
  if (stop.stop_requested()) return;
  mailbox_->post(
      [done = std::move(job.done), result = std::move(result)]() mutable {
        done(std::move(result));
      });
}

void ScanWorker::run(const std::stop_token& stop) {
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      // Also false when it is to stop, which comes first.
      wake_.wait(lock, stop, [this] { return !jobs_.empty(); });
      if (stop.stop_requested()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    std::visit([&](auto& one) { carry_out(std::move(one), stop); }, job);
  }
}

}  // namespace stillframe::engine
