// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "exporters/agent_api.h"
#include "exporters/http/answer.h"
#include "exporters/socket/answers.h"
#include "exporters/socket/past_reader.h"
#include "exporters/socket/reorder.h"

namespace stillframe::socket_api {

// Renders one listener's events: first those of the past, from the journal and
// from what the agent still has in memory, in the order of time; then new ones
// as they come, with a line where events were lost because it read too slowly.
class EventFeed : public http::BodyStream {
 public:
  // `journal` is the directory; empty: only what is in memory. Holds `slot`
  // while it lives: its place among the listeners.
  EventFeed(std::unique_ptr<EventStream> stream, Query query, std::string node,
            std::shared_ptr<const void> slot, const std::string& journal);

  void when_ready(std::function<void()> wake) override;
  Piece pull() override;
  std::size_t held_bytes() const override { return last_bytes_; }

 private:
  // What there is of the past, until it is over.
  std::string past();
  std::string take_past(std::string text);
  std::string rendered(const StreamEvent& event, std::string_view line) const;
  std::string loss();

  std::unique_ptr<EventStream> stream_;
  const Query query_;
  const std::string node_;
  std::shared_ptr<const void> slot_;
  std::uint64_t reported_dropped_ = 0;

  bool past_over_ = false;
  std::unique_ptr<PastReader> journal_;  // null: read to its end
  Reorder order_;
  std::size_t past_taken_ = 0;  // from memory
  // Of the past, where only the latest are wanted.
  std::deque<std::string> last_;
  std::size_t last_bytes_ = 0;
};

// Fails when the query's container is the prefix of several containers' ids, or
// nothing is known of one; to follow one it need not be there yet. Of which
// nothing is known is said only after the agent has looked again.
Result<> check_event_filter(AgentApi& agent, const Query& query,
                            const std::string& journal);

// What to say where entries that are asked for were removed; else empty.
std::string pruned_notice(const std::string& journal, const Query& query);

}  // namespace stillframe::socket_api
