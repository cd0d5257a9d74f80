// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <utility>

#include "exporters/agent_api.h"

namespace stillframe::engine {

// What an event takes of memory, nearly: all of its strings. Its container is
// shared with others, and its actor perhaps with `before` (null: none).
std::size_t size_of(const StreamEvent& event, const StreamEvent* before);
// Of that what is not in the event itself.
std::size_t size_of_shared(const StreamEvent& event, const StreamEvent* before);

// The latest events, oldest first, up to a number of bytes: their paths and
// command lines are as long as whoever acts makes them.
class EventWindow {
 public:
  explicit EventWindow(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  // Returns how many of the oldest had to go. The newest always stays.
  std::size_t push(StreamEventPtr event) {
    const auto* before = events_.empty() ? nullptr : events_.back().get();
    sizes_.push_back(size_of(*event, before));
    bytes_ += sizes_.back();
    events_.push_back(std::move(event));
    std::size_t dropped = 0;
    for (; bytes_ > most_bytes_ && events_.size() > 1; ++dropped) pop();
    return dropped;
  }

  StreamEventPtr pop() {
    if (events_.empty()) return nullptr;
    StreamEventPtr event = std::move(events_.front());
    events_.pop_front();
    bytes_ -= sizes_.front();
    sizes_.pop_front();
    return event;
  }

  bool empty() const { return events_.empty(); }
  const std::deque<StreamEventPtr>& events() const { return events_; }

 private:
  const std::size_t most_bytes_;
  std::size_t bytes_ = 0;
  std::deque<StreamEventPtr> events_;
  std::deque<std::size_t> sizes_;  // of each, when it came
};

}  // namespace stillframe::engine
