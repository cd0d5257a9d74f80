// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/past_events.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "agent/engine/event_window.h"

namespace stillframe::engine {
namespace {

// Large enough to be a mapping of its own (agent/base/memory.cpp), of which
// only what was written to takes memory.
constexpr std::size_t kBlock = 256 << 10;

// At the beginning of each, before the bytes of its texts and facts.
struct Head {
  std::uint64_t seq;
  WallTime time;
  std::string_view class_name;
  std::string_view verdict;
  std::uint64_t count;
  std::uint32_t size;  // with all that follows
  std::uint32_t facts;
  std::array<std::uint32_t, 5> texts;
};

std::uint32_t length(std::size_t size) {
  return static_cast<std::uint32_t>(size);
}

template <typename Event>
auto texts_of(Event& event) {
  return std::array{&event.kind, &event.rule, &event.path, &event.from,
                    &event.detail};
}

std::size_t size_of_bytes(const StreamEvent& event) {
  std::size_t size = sizeof(Head);
  for (const std::string* text : texts_of(event)) size += text->size();
  for (const auto& [name, value] : event.facts) {
    size += 2 * sizeof(std::uint32_t) + name.size() + value.size();
  }
  return size;
}

class Writer {
 public:
  explicit Writer(char* to) : to_(to) {}
  void bytes(const void* from, std::size_t size) {
    if (size != 0) std::memcpy(to_, from, size);
    to_ += size;
  }
  void text(const std::string& text) {
    const std::uint32_t size = length(text.size());
    bytes(&size, sizeof size);
    bytes(text.data(), size);
  }

 private:
  char* to_;
};

class Reader {
 public:
  explicit Reader(const char* from) : from_(from) {}
  void bytes(void* to, std::size_t size) {
    std::memcpy(to, from_, size);
    from_ += size;
  }
  std::string text(std::size_t size) {
    std::string out(from_, size);
    from_ += size;
    return out;
  }
  std::string text() {
    std::uint32_t size = 0;
    bytes(&size, sizeof size);
    return text(size);
  }

 private:
  const char* from_;
};

Head head_at(const char* from) {
  Head head{};
  std::memcpy(&head, from, sizeof head);
  return head;
}

void write(const StreamEvent& event, std::size_t size, char* to) {
  Head head{
      event.seq,   event.time,   event.class_name,           event.verdict,
      event.count, length(size), length(event.facts.size()), {}};
  const auto texts = texts_of(event);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    head.texts[i] = length(texts[i]->size());
  }
  Writer out(to);
  out.bytes(&head, sizeof head);
  for (const std::string* text : texts) out.bytes(text->data(), text->size());
  for (const auto& [name, value] : event.facts) {
    out.text(name);
    out.text(value);
  }
}

StreamEvent read(const Head& head, const char* from) {
  StreamEvent event;
  event.seq = head.seq;
  event.time = head.time;
  event.class_name = head.class_name;
  event.verdict = head.verdict;
  event.count = head.count;
  Reader in(from + sizeof head);
  const auto texts = texts_of(event);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    *texts[i] = in.text(head.texts[i]);
  }
  for (std::size_t i = 0; i < head.facts; ++i) {
    std::string name = in.text();
    event.facts.emplace(std::move(name), in.text());
  }
  return event;
}

}  // namespace

bool PastEvents::of_run(const Run& run, const StreamEvent& event) {
  const bool same_actor = run.actor.has_value() == event.actor.has_value() &&
                          (!run.actor || run.actor->shares(*event.actor));
  return same_actor && run.container == event.container &&
         run.update == event.update;
}

char* PastEvents::room_for(std::size_t size) {
  if (blocks_.empty() || blocks_.back().size - blocks_.back().end < size) {
    Block block;
    block.size = std::max(size, kBlock);
    block.bytes = std::make_unique_for_overwrite<char[]>(block.size);
    blocks_.push_back(std::move(block));
  }
  Block& last = blocks_.back();
  char* const room = last.bytes.get() + last.end;
  last.end += size;
  return room;
}

void PastEvents::push(const StreamEvent& event) {
  if (runs_.empty() || !of_run(runs_.back(), event)) {
    const std::size_t shared = sizeof(Run) + size_of_shared(event, nullptr);
    runs_.push_back({event.container, event.actor, event.update, shared, 0});
    bytes_ += shared;
  }
  ++runs_.back().events;
  const std::size_t size = size_of_bytes(event);
  write(event, size, room_for(size));
  bytes_ += size;
  ++events_;
  while (events_ > 1 && (events_ > most_events_ || bytes_ > most_bytes_)) pop();
}

void PastEvents::pop() {
  Block& block = blocks_.front();
  const std::size_t size = head_at(block.bytes.get() + block.begin).size;
  block.begin += size;
  bytes_ -= size;
  if (block.begin == block.end) blocks_.pop_front();
  --events_;
  Run& run = runs_.front();
  if (--run.events != 0) return;
  bytes_ -= run.bytes;
  runs_.pop_front();
}

std::optional<std::uint64_t> PastEvents::oldest_seq() const {
  if (blocks_.empty()) return std::nullopt;
  const Block& block = blocks_.front();
  return head_at(block.bytes.get() + block.begin).seq;
}

void PastEvents::since(WallTime time,
                       const std::function<void(StreamEventPtr)>& take) const {
  auto run = runs_.begin();
  std::size_t of_this_run = 0;
  for (const Block& block : blocks_) {
    for (std::size_t at = block.begin; at < block.end; ++of_this_run) {
      const char* const from = block.bytes.get() + at;
      const Head head = head_at(from);
      at += head.size;
      if (of_this_run == run->events) {
        ++run;
        of_this_run = 0;
      }
      if (head.time < time) continue;
      StreamEvent event = read(head, from);
      event.container = run->container;
      event.actor = run->actor;
      event.update = run->update;
      take(std::make_shared<const StreamEvent>(std::move(event)));
    }
  }
}

}  // namespace stillframe::engine
