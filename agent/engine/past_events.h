// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "agent/base/clock.h"
#include "exporters/agent_api.h"

namespace stillframe::engine {

// The latest events, oldest first, up to a number of them and of bytes. They
// outlive what they are about. So they are kept as bytes in blocks of their
// own, and not where there was room between all that goes before them: there
// each would hold a page.
class PastEvents {
 public:
  PastEvents(std::size_t most_events, std::size_t most_bytes)
      : most_events_(most_events), most_bytes_(most_bytes) {}

  // The newest always stays.
  void push(const StreamEvent& event);
  std::optional<std::uint64_t> oldest_seq() const;
  // Those that happened then or later.
  void since(WallTime time,
             const std::function<void(StreamEventPtr)>& take) const;

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
    std::size_t size = 0;
    std::size_t begin = 0;  // of the oldest that is kept
    std::size_t end = 0;
  };
  // What events in a row share with others and with each other.
  struct Run {
    std::shared_ptr<const ContainerInfo> container;
    std::optional<SharedActor> actor;
    std::shared_ptr<const Update> update;
    std::size_t bytes = 0;
    std::size_t events = 0;
  };
  static bool of_run(const Run& run, const StreamEvent& event);
  char* room_for(std::size_t size);
  void pop();

  const std::size_t most_events_;
  const std::size_t most_bytes_;
  std::size_t events_ = 0;
  std::size_t bytes_ = 0;
  std::deque<Block> blocks_;
  std::deque<Run> runs_;
};

}  // namespace stillframe::engine
