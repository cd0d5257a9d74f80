// SPDX-License-Identifier: Apache-2.0
#include "exporters/socket/event_feed.h"

#include <fmt/format.h>

#include <cerrno>

#include "agent/base/file.h"
#include "agent/base/text.h"
#include "agent/journal/format.h"
#include "agent/model/container_name.h"
#include "exporters/console/console.h"
#include "exporters/jsonl/json.h"

namespace stillframe::socket_api {

namespace {

// What one listener may hold of the front's thread, and of memory once what it
// has not read is on its way.
constexpr std::size_t kPieceBytes = 64 << 10;
// What the agent has in memory is not so much: what is more came meanwhile.
constexpr std::size_t kMostPast = 20'000;
// Of the latest events that a client asks for: older ones are left out.
constexpr std::size_t kMostLastBytes = 32 << 20;

// Fails when it means several.
Result<bool> is_among(const Snapshot& snapshot, const std::string& container) {
  std::size_t prefixed = 0;
  std::string of_that_id;
  std::size_t exact = 0;
  for (const auto& view : snapshot.containers) {
    if (view.info.id == container) {
      of_that_id += (exact++ == 0 ? "" : ", ") + printable(key_of(view.info));
    } else if (answers_to(view.info, container)) {
      return true;
    }
    if (starts_with(view.info.id, container)) ++prefixed;
  }
  if (exact > 1) {
    return fail(fmt::format("'{}' means several containers ({})",
                            printable(container), of_that_id));
  }
  if (exact == 0 && prefixed > 1) {
    return fail(fmt::format("{} containers' ids begin with '{}'", prefixed,
                            printable(container)));
  }
  return prefixed != 0;
}

// What is gone may not be written down yet.
bool is_in_memory(AgentApi& agent, const Query& query) {
  EventFilter filter;
  filter.container = query.container;
  const auto stream = agent.subscribe(WallTime{INT64_MIN}, false);
  while (const auto event = stream->next()) {
    if (filter.wants(*event)) return true;
  }
  return false;
}

}  // namespace

EventFeed::EventFeed(std::unique_ptr<EventStream> stream, Query query,
                     std::string node, std::shared_ptr<const void> slot,
                     const std::string& journal)
    : stream_(std::move(stream)),
      query_(std::move(query)),
      node_(std::move(node)),
      slot_(std::move(slot)),
      past_over_(!query_.wants_past()) {
  if (past_over_ || journal.empty()) return;
  journal_ = std::make_unique<PastReader>(
      journal, stream_->oldest(), query_.events, query_.last,
      [this](const StreamEvent& event, std::string_view line) {
        return rendered(event, line);
      });
}

void EventFeed::when_ready(std::function<void()> wake) {
  if (journal_) journal_->when_ready(wake);
  stream_->when_ready(std::move(wake));
}

EventFeed::Piece EventFeed::pull() {
  Piece piece;
  if (!past_over_) piece.bytes = past();
  if (!past_over_) return piece;
  while (piece.bytes.size() < kPieceBytes) {
    const StreamEventPtr event = stream_->next();
    piece.bytes += loss();
    if (event == nullptr) {
      piece.ended = stream_->closed() || !query_.follow;
      break;
    }
    if (query_.events.wants(*event)) piece.bytes += rendered(*event, {});
  }
  return piece;
}

std::string EventFeed::past() {
  std::string out;
  while (journal_ && out.size() < kPieceBytes) {
    auto item = journal_->next();
    if (!item && journal_->ended()) journal_.reset();
    if (!item) break;
    out += take_past(order_.push(item->time, item->seq, std::move(item->text)));
  }
  if (journal_) return out;
  while (out.size() < kPieceBytes) {
    const StreamEventPtr event = stream_->next();
    if (event == nullptr || ++past_taken_ > kMostPast) {
      if (event != nullptr && query_.events.wants(*event)) {
        order_.push(event->time, event->seq, rendered(*event, {}));
      }
      out += take_past(order_.flush());
      for (const auto& text : last_) out += text;
      last_.clear();
      last_bytes_ = 0;
      past_over_ = true;
      break;
    }
    if (!query_.events.wants(*event)) continue;
    out +=
        take_past(order_.push(event->time, event->seq, rendered(*event, {})));
  }
  return out;
}

// Each line is an event.
std::string EventFeed::take_past(std::string text) {
  if (query_.last == 0) return text;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t size = rest.find('\n') + 1;
    last_.emplace_back(rest.substr(0, size));
    last_bytes_ += size;
    rest.remove_prefix(size);
    while (last_.size() > query_.last ||
           (last_bytes_ > kMostLastBytes && last_.size() > 1)) {
      last_bytes_ -= last_.front().size();
      last_.pop_front();
    }
  }
  return {};
}

std::string EventFeed::rendered(const StreamEvent& event,
                                std::string_view line) const {
  if (query_.output != Output::json) {
    return console::event_line(event, query_.style);
  }
  if (line.empty()) return jsonl::event_json(event, node_) + '\n';
  // Without its place in the chain.
  std::string text = "{";
  text += line.substr(line.find(',', journal::kPlaceInChain) + 1);
  return text += '\n';
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
  return rendered(event, {});
}

Result<> check_event_filter(AgentApi& agent, const Query& query,
                            const std::string& journal) {
  const auto snapshot = agent.snapshot();
  if (snapshot == nullptr) return {};
  auto known = is_among(*snapshot, query.container);
  if (!known) return tl::unexpected<Error>(known.error());
  if (*known || query.follow || is_in_memory(agent, query)) return {};
  if (!journal.empty()) {
    known = is_in_journal(journal, query.container);
    if (!known) return fail(known, "the journal");
    if (*known) return {};
  }
  // It may be so new that the agent has not met it yet.
  const auto looked = agent.diff(query.container, DiffPart::runtime_lines);
  if (looked || looked.error().code != ENOENT) return {};
  return fail("no container '" + printable(query.container) +
              "': none runs, and the journal has none");
}

std::string pruned_notice(const std::string& journal, const Query& query) {
  if (journal.empty()) return {};
  const auto text = read_file(journal + '/' + std::string(journal::kPrunedFile),
                              journal::kMostLine);
  if (!text) return {};
  const auto stub = journal::parse_checkpoint(
      std::string_view(*text).substr(0, text->find('\n')));
  if (!stub) return {};
  const auto& since = query.events.since;
  if (!since && query.last != 0) return {};
  const WallTime begun = beginning_of_journal(journal);
  if (since && begun <= *since) return {};
  return fmt::format("entries 1 to {} were pruned: the rest begins at {}",
                     stub->entry, rfc3339(begun));
}

}  // namespace stillframe::socket_api
