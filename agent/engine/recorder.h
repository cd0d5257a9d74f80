// SPDX-License-Identifier: Apache-2.0
//
// Has events written to the journal by a thread of its own, so that no disk is
// ever in the way of the sensors.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "agent/journal/writer.h"
#include "agent/model/journal_state.h"
#include "exporters/agent_api.h"

namespace stillframe::engine {

class Recorder {
 public:
  // One JSON object of an event, on one line.
  using Render = std::function<std::string(const StreamEvent&)>;

  Recorder(std::unique_ptr<journal::Writer> writer, Render render);
  ~Recorder();  // writes all that it took
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  // Of the last entry that was there when this was made.
  std::uint64_t last_seq() const { return last_seq_; }
  // By the journal that was there, an agent was until then. Nothing: there was
  // none.
  std::optional<WallTime> watched_until() const { return watched_until_; }

  // Ends, with all that was taken written, or once that time is over. From any
  // thread.
  void drain(std::chrono::milliseconds within);

  // False: there is no room, since the disk is slower than what happens. Then
  // the event is in no journal unless it is offered again.
  bool offer(StreamEventPtr event);
  // What an entry is to be made of, since the last call.
  std::vector<journal::Notice> take_notices();
  // Until when all that was taken is written, or lost. From any thread.
  JournalState state() const;

 private:
  static constexpr std::size_t kMostBytes = 4 << 20;

  void run(const std::stop_token& stop);
  void write(std::deque<StreamEventPtr> batch, bool last);

  std::unique_ptr<journal::Writer> writer_;
  WallTime failing_since_;  // of the writing thread
  const Render render_;
  std::uint64_t last_seq_ = 0;
  std::optional<WallTime> watched_until_;

  mutable std::mutex mutex_;  // the members below
  std::condition_variable_any wake_;
  std::deque<StreamEventPtr> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::vector<journal::Notice> notices_;
  JournalState state_;
  std::condition_variable drained_;
  bool ended_ = false;

  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace stillframe::engine
