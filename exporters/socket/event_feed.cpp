// SPDX-License-Identifier: Apache-2.0
#include "exporters/socket/event_feed.h"

#include <fmt/format.h>

#include "agent/base/text.h"
#include "exporters/console/console.h"
#include "exporters/jsonl/json.h"

namespace stillframe::socket_api {

EventFeed::EventFeed(std::unique_ptr<EventStream> stream, Query query)
    : stream_(std::move(stream)), query_(std::move(query)) {}

EventFeed::Step EventFeed::step(std::chrono::milliseconds wait) {
  const StreamEventPtr event = stream_->next(wait);
  Step step{.state = State::more, .text = loss()};
  if (event != nullptr) {
    if (wanted(*event)) step.text += rendered(*event);
  } else if (stream_->closed() || !query_.follow) {
    step.state = State::ended;
  }
  return step;
}

bool EventFeed::wanted(const StreamEvent& event) const {
  if (query_.container.empty()) return true;
  return event.container.name == query_.container ||
         (!event.container.id.empty() &&
          starts_with(event.container.id, query_.container));
}

std::string EventFeed::rendered(const StreamEvent& event) const {
  if (query_.output == Output::json) return event.json + '\n';
  return console::event_line(event, query_.style);
}

std::string EventFeed::loss() {
  const std::uint64_t dropped = stream_->dropped();
  if (dropped == reported_dropped_) return {};
  StreamEvent event;
  event.time = wall_now();
  event.class_name = "agent";
  event.kind = "events_lost";
  event.detail = "this listener was too slow";
  event.count = dropped - reported_dropped_;
  event.json = jsonl::event_json(event, "");
  reported_dropped_ = dropped;
  return rendered(event);
}

Result<> check_event_filter(const Snapshot& snapshot,
                            const std::string& container) {
  if (container.empty()) return {};
  std::vector<std::string> matches;
  for (const auto& view : snapshot.containers) {
    if (view.info.name == container || view.info.id == container) return {};
    if (starts_with(view.info.id, container)) matches.push_back(view.info.id);
  }
  if (matches.size() < 2) return {};
  return fail(fmt::format("{} containers' ids begin with '{}'", matches.size(),
                          printable(container)));
}

}  // namespace stillframe::socket_api
