// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "exporters/agent_api.h"
#include "exporters/http/answer.h"
#include "exporters/socket/answers.h"

namespace stillframe::socket_api {

// Renders one listener's events: those of its container, in its output, and a
// line where events were lost because it read too slowly.
class EventFeed : public http::BodyStream {
 public:
  // Holds `slot` while it lives: its place among the listeners.
  EventFeed(std::unique_ptr<EventStream> stream, Query query, std::string node,
            std::shared_ptr<const void> slot);

  void when_ready(std::function<void()> wake) override;
  Piece pull() override;

 private:
  bool wanted(const StreamEvent& event) const;
  std::string rendered(const StreamEvent& event) const;
  std::string loss();

  std::unique_ptr<EventStream> stream_;
  Query query_;
  std::string node_;
  std::shared_ptr<const void> slot_;
  std::uint64_t reported_dropped_ = 0;
};

// Fails when `container` is the prefix of several containers' ids. One that
// does not exist (yet, or any more) is fine: its events may be.
Result<> check_event_filter(const Snapshot& snapshot,
                            const std::string& container);

}  // namespace stillframe::socket_api
