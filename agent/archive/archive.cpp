// SPDX-License-Identifier: Apache-2.0
#include "agent/archive/archive.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "agent/archive/pack.h"
#include "agent/base/file.h"
#include "agent/base/log.h"
#include "agent/base/memory.h"

namespace stillframe::archive {
namespace {

// Answers that wait for the disk.
constexpr std::size_t kMostBytes = 16 << 20;
// Of a large one memory is given back when it is written.
constexpr std::size_t kMany = 1000;
constexpr std::size_t kAboutOneBytes = 1024;
constexpr std::uint64_t kEndWithinNs = 500'000'000;
constexpr std::uint64_t kPruneEveryNs = 3'600'000'000'000;
constexpr std::chrono::minutes kLookEvery{10};
// Who asks does not wait for a disk that hangs.
constexpr std::chrono::seconds kFindWithin{5};

}  // namespace

std::string shelf_in(const std::string& state_dir) {
  return state_dir + "/gone";
}

Archive::Archive(std::string directory, Bounds bounds, Format format,
                 const Clock& clock)
    : clock_(clock),
      shelf_(std::move(directory), bounds, std::move(format), clock),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

// What is not written is as it was kept before.
Archive::~Archive() {
  end_by_ns_ = clock_.mono_ns() + kEndWithinNs;
  thread_.request_stop();
  thread_.join();
}

bool Archive::keep(const std::string& path, DiffAnswer answer) {
  return offer({What::keep, path, {}, std::move(answer)});
}

void Archive::add(const std::string& path, const std::string& name,
                  DiffAnswer answer) {
  if (offer({What::add, path, name, std::move(answer)})) return;
  log_warn(
      "the last state of a container is not the latest",
      {{"name", name}, {"reason", "the disk is slower than containers go"}});
  add_kept(path, name);
}

void Archive::add_kept(const std::string& path, const std::string& name) {
  offer({What::add_kept, path, name, {}});
}

bool Archive::offer(Job job) {
  job.bytes = job.answer.changes.bytes() +
              job.answer.runtime_lines.size() * sizeof(RuntimeLine) +
              kAboutOneBytes;
  const std::lock_guard lock(mutex_);
  const bool small = job.what == What::add_kept;
  if (!small && bytes_ != 0 && bytes_ + job.bytes > kMostBytes) return false;
  // What was to be kept before is out of date.
  const auto same =
      std::find_if(jobs_.rbegin(), jobs_.rend(),
                   [&](const Job& other) { return other.path == job.path; });
  if (job.what == What::keep && same != jobs_.rend() &&
      same->what == What::keep) {
    bytes_ = bytes_ - same->bytes + job.bytes;
    *same = std::move(job);
    return true;
  }
  bytes_ += job.bytes;
  ++taken_;
  jobs_.push_back(std::move(job));
  wake_.notify_one();
  return true;
}

void Archive::run(const std::stop_token& stop) {
  prune_if_due();
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, stop, kLookEvery, [this] { return !jobs_.empty(); });
      if (stop.stop_requested() && (jobs_.empty() || out_of_time())) return;
      if (!jobs_.empty()) {
        job = std::move(jobs_.front());
        jobs_.pop_front();
      }
    }
    if (!job.path.empty()) {
      report(carry_out(job), "cannot keep the last state of a container");
      const bool many = job.answer.changes.size() > kMany;
      job.answer = {};
      if (many) give_back_memory();
      const std::lock_guard lock(mutex_);
      bytes_ -= job.bytes;
      ++carried_;
      done_.notify_all();
    }
    prune_if_due();
  }
}

Result<> Archive::carry_out(const Job& job) {
  if (job.what == What::add_kept) return shelf_.take_in(job.path, job.name);
  const auto packed =
      pack(shelf_.format(), job.answer, [this] { return out_of_time(); });
  if (!packed) return fail(packed, job.path);
  if (job.what == What::keep) return write_file_atomic(job.path, *packed);
  auto put = shelf_.put(job.name, job.answer.gone->since, *packed);
  if (put) ::unlink(job.path.c_str());
  return put;
}

void Archive::prune_if_due() {
  const std::uint64_t now = clock_.mono_ns();
  if (now < next_prune_ns_ && !shelf_.full()) return;
  next_prune_ns_ = now + kPruneEveryNs;
  report(shelf_.prune(), "cannot remove old last states of containers");
}

// Once for as long as it lasts.
void Archive::report(const Result<>& done, const char* failed) {
  if (!done && !std::exchange(failing_, true)) {
    log_error(failed, {{"error", done.error()},
                       {"hint", "make room in the state directory"}});
  }
  if (done) failing_ = false;
}

void Archive::wait_for_what_was_taken() {
  std::unique_lock lock(mutex_);
  const std::uint64_t asked = taken_;
  done_.wait_for(lock, kFindWithin, [&] { return carried_ >= asked; });
}

Result<std::optional<DiffAnswer>> Archive::find(const std::string& container) {
  wait_for_what_was_taken();
  return shelf_.find(container);
}

Result<GoneContainers> Archive::heads() {
  wait_for_what_was_taken();
  return shelf_.heads();
}

}  // namespace stillframe::archive
