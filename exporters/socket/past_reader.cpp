// SPDX-License-Identifier: Apache-2.0
#include "exporters/socket/past_reader.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "agent/base/file.h"
#include "agent/journal/directory.h"
#include "agent/journal/line_reader.h"
#include "exporters/jsonl/event_reader.h"

namespace stillframe::socket_api {
namespace {

using journal::LineReader;
using journal::SegmentName;

// It may have been closed, or removed for its age, since it was listed.
Result<std::optional<LineReader>> open_segment(const std::string& directory,
                                               const SegmentName& name) {
  for (const bool closed : {name.closed, true}) {
    auto reader = LineReader::open(directory, {name.first, closed});
    if (reader) return std::optional(std::move(*reader));
    if (!is_absence(reader.error().code)) {
      return tl::unexpected<Error>(reader.error());
    }
  }
  return std::nullopt;
}

// Of its first entry; 0: not known.
WallTime beginning_of(const std::string& directory, const SegmentName& name) {
  auto reader = open_segment(directory, name);
  if (!reader || !*reader) return {};
  const auto line = (*reader)->next();
  if (!line || !*line) return {};
  const auto event = jsonl::event_from_json((*line)->text);
  return event ? event->time : WallTime{};
}

// Whether all of it was written before that: no entry is about what comes
// later than itself.
bool is_before(const std::string& directory, const SegmentName& name,
               WallTime time) {
  struct stat st{};
  const std::string path = directory + '/' + journal::to_string(name);
  if (::stat(path.c_str(), &st) != 0) return false;
  return WallTime{st.st_mtim.tv_sec * 1'000'000'000 + st.st_mtim.tv_nsec} <
         time;
}

// Those in which the last entries are, by their numbers: what is wanted of
// them, and is not in memory, is among so many.
void keep_last(std::vector<SegmentName>& segments, const std::string& directory,
               std::size_t last) {
  const auto text =
      read_file(directory + '/' + std::string(journal::kCheckpointFile),
                journal::kMostLine);
  if (!text) return;
  const auto point = journal::parse_checkpoint(
      std::string_view(*text).substr(0, text->find('\n')));
  if (!point || point->entry < last) return;
  const std::uint64_t first = point->entry - last + 1;
  while (segments.size() > 1 && segments[1].first <= first) {
    segments.erase(segments.begin());
  }
}

Result<std::vector<SegmentName>> segments_of(const std::string& directory) {
  auto listing = journal::list_segments(directory);
  if (!listing) return tl::unexpected<Error>(listing.error());
  auto& all = listing->segments;
  // Amid being closed it is there twice.
  const auto twice = [](const auto& a, const auto& b) {
    return a.first == b.first;
  };
  all.erase(std::unique(all.begin(), all.end(), twice), all.end());
  return std::move(all);
}

}  // namespace

PastReader::PastReader(std::string directory, std::uint64_t until_seq,
                       EventFilter filter, std::size_t last, Render render)
    : directory_(std::move(directory)),
      until_seq_(until_seq),
      filter_(std::move(filter)),
      text_filter_(filter_),
      last_(filter_.takes_all() ? last : 0),
      render_(std::move(render)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

PastReader::~PastReader() = default;

void PastReader::when_ready(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  wake_ = std::move(wake);
  if (wake_ && (ended_ || !items_.empty())) wake_();
}

std::optional<PastReader::Item> PastReader::next() {
  const std::lock_guard lock(mutex_);
  if (items_.empty()) return std::nullopt;
  Item item = std::move(items_.front());
  items_.pop_front();
  bytes_ -= item.text.size();
  room_.notify_one();
  return item;
}

bool PastReader::ended() const {
  const std::lock_guard lock(mutex_);
  return ended_ && items_.empty();
}

void PastReader::run(const std::stop_token& stop) {
  if (const auto done = read(stop); !done) say(done.error(), stop);
  const std::lock_guard lock(mutex_);
  ended_ = true;
  if (wake_) wake_();
}

void PastReader::say(const Error& error, const std::stop_token& stop) {
  StreamEvent problem;
  problem.time = wall_now();
  problem.class_name = "agent";
  problem.kind = "journal_unreadable";
  problem.detail = error.message;
  hand_over({problem.time, 0, render_(problem, {})}, stop);
}

Result<> PastReader::read(const std::stop_token& stop) {
  auto segments = segments_of(directory_);
  if (!segments) return tl::unexpected<Error>(segments.error());
  if (last_ != 0) keep_last(*segments, directory_, last_);
  for (const auto& name : *segments) {
    if (filter_.since && is_before(directory_, name, *filter_.since)) continue;
    const auto more = read_segment(name, stop);
    // The rest of a damaged one is lost, and no more.
    if (!more) say(more.error(), stop);
    if (more && !*more) break;
  }
  return {};
}

Result<bool> PastReader::read_segment(const SegmentName& name,
                                      const std::stop_token& stop) {
  auto reader = open_segment(directory_, name);
  if (!reader) return tl::unexpected<Error>(reader.error());
  if (!*reader) return true;
  bool spoiled = false;
  while (!stop.stop_requested()) {
    const auto line = (*reader)->next();
    if (!line) return tl::unexpected<Error>(line.error());
    // One without a newline is being written: it is among the latest events.
    if (!*line || !(*line)->has_newline) return true;
    if (!text_filter_.may_want((*line)->text)) continue;
    const auto event = jsonl::event_from_json((*line)->text);
    if (!event) {
      if (!std::exchange(spoiled, true)) {
        say({0, journal::to_string(name) + " has lines that are no entries"},
            stop);
      }
      continue;
    }
    if (event->seq >= until_seq_ || !filter_.wants(*event)) continue;
    if (!hand_over({event->time, event->seq, render_(*event, (*line)->text)},
                   stop)) {
      break;
    }
  }
  return false;
}

bool PastReader::hand_over(Item item, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  room_.wait(lock, stop, [this] { return bytes_ < kMostBytes; });
  if (stop.stop_requested()) return false;
  const bool was_empty = items_.empty();
  bytes_ += item.text.size();
  items_.push_back(std::move(item));
  if (was_empty && wake_) wake_();
  return true;
}

WallTime beginning_of_journal(const std::string& directory) {
  const auto segments = segments_of(directory);
  if (!segments || segments->empty()) return {};
  return beginning_of(directory, segments->front());
}

Result<bool> is_in_journal(const std::string& directory,
                           const std::string& container) {
  const auto segments = segments_of(directory);
  if (!segments) return tl::unexpected<Error>(segments.error());
  EventFilter filter;
  filter.container = container;
  const TextFilter text_filter(filter);
  for (const auto& name : *segments) {
    auto reader = open_segment(directory, name);
    if (!reader) return tl::unexpected<Error>(reader.error());
    if (!*reader) continue;
    for (;;) {
      const auto line = (*reader)->next();
      if (!line) return tl::unexpected<Error>(line.error());
      if (!*line) break;
      if (!text_filter.may_want((*line)->text)) continue;
      const auto event = jsonl::event_from_json((*line)->text);
      if (event && filter.wants(*event)) return true;
    }
  }
  return false;
}

}  // namespace stillframe::socket_api
