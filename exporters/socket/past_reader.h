// SPDX-License-Identifier: Apache-2.0
//
// Reads the journal for one client, in a thread of its own: the front's must
// not wait for a disk.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "agent/base/result.h"
#include "agent/journal/format.h"
#include "exporters/agent_api.h"
#include "exporters/socket/event_filter.h"

namespace stillframe::socket_api {

class PastReader {
 public:
  // The line that it is in the journal; empty: it is not from there.
  using Render =
      std::function<std::string(const StreamEvent&, std::string_view line)>;
  struct Item {
    WallTime time;
    std::uint64_t seq = 0;
    std::string text;
  };

  // Entries of `directory` whose numbers are below `until_seq`.
  // Where the filter takes all, no more than the `last` so many are needed; 0:
  // all are.
  PastReader(std::string directory, std::uint64_t until_seq, EventFilter filter,
             std::size_t last, Render render);
  ~PastReader();  // ends the thread
  PastReader(const PastReader&) = delete;
  PastReader& operator=(const PastReader&) = delete;

  // As of a BodyStream.
  void when_ready(std::function<void()> wake);
  // Nothing: none yet, or ended().
  std::optional<Item> next();
  bool ended() const;

 private:
  static constexpr std::size_t kMostBytes = 256 << 10;

  void run(const std::stop_token& stop);
  void say(const Error& error, const std::stop_token& stop);
  Result<> read(const std::stop_token& stop);
  // False: nobody wants more.
  Result<bool> read_segment(const journal::SegmentName& name,
                            const std::stop_token& stop);
  bool hand_over(Item item, const std::stop_token& stop);

  const std::string directory_;
  const std::uint64_t until_seq_;
  const EventFilter filter_;
  const TextFilter text_filter_;
  const std::size_t last_;
  const Render render_;

  mutable std::mutex mutex_;  // the members below
  std::condition_variable_any room_;
  std::function<void()> wake_;
  std::deque<Item> items_;
  std::size_t bytes_ = 0;
  bool ended_ = false;

  std::jthread thread_;  // last: it uses all of the above
};

// When the first entry that is left was; 0: none is left.
WallTime beginning_of_journal(const std::string& directory);

// Whether the journal has an entry about it.
Result<bool> is_in_journal(const std::string& directory,
                           const std::string& container);

}  // namespace stillframe::socket_api
