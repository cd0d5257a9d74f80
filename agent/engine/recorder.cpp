// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/recorder.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "agent/base/log.h"
#include "agent/base/number.h"
#include "agent/engine/event_window.h"

namespace stillframe::engine {
namespace {

// Events come in flocks: more of them for each write.
constexpr std::chrono::milliseconds kGather{20};
// What is due by time is looked at so often.
constexpr std::chrono::seconds kTurnEvery{1};
constexpr std::size_t kHeadDigits = 12;

std::uint64_t head_of(const std::string& hash) {
  return parse_number<std::uint64_t>(
             std::string_view(hash).substr(0, kHeadDigits), 16)
      .value_or(0);
}

// Checkpoints are a second apart; entries may have come since.
std::optional<WallTime> last_sign_of_life(const journal::Writer& writer) {
  if (!writer.found()) return std::nullopt;
  return std::max(writer.found()->time, writer.tail().time);
}

}  // namespace

Recorder::Recorder(std::unique_ptr<journal::Writer> writer, Render render)
    : writer_(std::move(writer)),
      render_(std::move(render)),
      last_seq_(writer_->tail().seq),
      watched_until_(last_sign_of_life(*writer_)),
      notices_(writer_->take_notices()) {
  write({}, false);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Recorder::~Recorder() = default;

bool Recorder::offer(StreamEventPtr event) {
  const std::lock_guard lock(mutex_);
  if (waiting_bytes_ > kMostBytes) {
    ++state_.lost["queue_full"];
    return false;
  }
  waiting_bytes_ += size_of(*event, nullptr);
  waiting_.push_back(std::move(event));
  wake_.notify_one();
  return true;
}

void Recorder::drain(std::chrono::milliseconds within) {
  thread_.request_stop();
  std::unique_lock lock(mutex_);
  drained_.wait_for(lock, within, [this] { return ended_; });
}

std::vector<journal::Notice> Recorder::take_notices() {
  const std::lock_guard lock(mutex_);
  return std::exchange(notices_, {});
}

JournalState Recorder::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

void Recorder::run(const std::stop_token& stop) {
  for (;;) {
    std::deque<StreamEventPtr> batch;
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, stop, kTurnEvery,
                     [this] { return !waiting_.empty(); });
      if (!stop.stop_requested()) {
        wake_.wait_for(lock, stop, kGather, [] { return false; });
      }
      batch.swap(waiting_);
      waiting_bytes_ = 0;
    }
    // Nothing that can wait is begun then, as closing a segment.
    const bool ending = stop.stop_requested();
    const bool last = ending && batch.empty();
    write(std::move(batch), ending);
    if (last) break;
  }
  const std::lock_guard lock(mutex_);
  ended_ = true;
  drained_.notify_all();
}

void Recorder::write(std::deque<StreamEventPtr> batch, bool last) {
  const std::uint64_t before = writer_->tail().entry;
  for (const auto& event : batch) writer_->add(render_(*event), event->seq);
  batch.clear();
  const auto written = last ? writer_->finish() : writer_->flush();
  auto notices = writer_->take_notices();
  bool began = false;
  bool ended = false;
  {
    const std::lock_guard lock(mutex_);
    began = !written && state_.error.empty();
    if (began) failing_since_ = wall_now();
    // That there was nothing to write is no success.
    const bool grew = writer_->tail().entry != before;
    ended = written && grew && !state_.error.empty();
    state_.entries = writer_->tail().entry;
    state_.head = head_of(writer_->tail().head);
    state_.bytes = writer_->bytes();
    state_.segments = writer_->segments();
    if (writer_->lost() != 0) state_.lost["write_failed"] = writer_->lost();
    if (!written) ++state_.write_errors;
    if (!written) state_.error = written.error().message;
    if (ended) state_.error.clear();
    for (auto& notice : notices) notices_.push_back(std::move(notice));
    if (ended && writer_->lost() != 0) {
      notices_.push_back({"journal_resumed",
                          std::to_string(writer_->lost()) +
                              " entries were lost since the agent's start",
                          failing_since_});
    }
  }
  if (began) {
    log_error("cannot write the journal",
              {{"error", written.error().message},
               {"hint",
                "make room on its filesystem, or see docs/journal.md "
                "for --journal.when-full"}});
  }
  if (ended) log_info("the journal is written again");
}

}  // namespace stillframe::engine
