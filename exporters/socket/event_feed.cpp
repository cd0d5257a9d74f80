// SPDX-License-Identifier: Apache-2.0
#include "exporters/socket/event_feed.h"

#include <fmt/format.h>

#include "agent/base/text.h"
#include "agent/model/container_name.h"
#include "exporters/console/console.h"
#include "exporters/jsonl/json.h"

namespace stillframe::socket_api {

namespace {

// What one listener may hold of the front's thread, and of memory once what it
// has not read is on its way.
constexpr std::size_t kPieceBytes = 64 << 10;

}  // namespace

EventFeed::EventFeed(std::unique_ptr<EventStream> stream, Query query,
                     std::string node, std::shared_ptr<const void> slot)
    : stream_(std::move(stream)),
      query_(std::move(query)),
      node_(std::move(node)),
      slot_(std::move(slot)) {}

void EventFeed::when_ready(std::function<void()> wake) {
  stream_->when_ready(std::move(wake));
}

EventFeed::Piece EventFeed::pull() {
  Piece piece;
  while (piece.bytes.size() < kPieceBytes) {
    const StreamEventPtr event = stream_->next();
    piece.bytes += loss();
    if (event == nullptr) {
      piece.ended = stream_->closed() || !query_.follow;
      break;
    }
    if (wanted(*event)) piece.bytes += rendered(*event);
  }
  return piece;
}

bool EventFeed::wanted(const StreamEvent& event) const {
  if (query_.container.empty()) return true;
  return event.container != nullptr &&
         (answers_to(*event.container, query_.container) ||
          starts_with(event.container->id, query_.container));
}

std::string EventFeed::rendered(const StreamEvent& event) const {
  if (query_.output == Output::json) {
    return jsonl::event_json(event, node_) + '\n';
  }
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
  reported_dropped_ = dropped;
  return rendered(event);
}

Result<> check_event_filter(const Snapshot& snapshot,
                            const std::string& container) {
  if (container.empty()) return {};
  std::size_t prefixed = 0;
  std::string of_that_id;
  std::size_t exact = 0;
  for (const auto& view : snapshot.containers) {
    if (view.info.id == container) {
      of_that_id += (exact++ == 0 ? "" : ", ") + printable(key_of(view.info));
    } else if (answers_to(view.info, container)) {
      return {};
    }
    if (starts_with(view.info.id, container)) ++prefixed;
  }
  if (exact == 1 || prefixed < 2) return {};
  if (exact > 1) {
    return fail(fmt::format("'{}' means several containers ({})",
                            printable(container), of_that_id));
  }
  return fail(fmt::format("{} containers' ids begin with '{}'", prefixed,
                          printable(container)));
}

}  // namespace stillframe::socket_api
