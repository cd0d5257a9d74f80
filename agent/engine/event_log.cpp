// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/event_log.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <optional>
#include <string_view>

#include "agent/base/file.h"
#include "agent/base/log.h"
#include "agent/base/number.h"
#include "agent/engine/event_window.h"
#include "agent/policy/policy.h"

namespace stillframe::engine {

// One listener's bounded queue, shared between the loop and the listener.
class EventQueue {
 public:
  explicit EventQueue(std::size_t most_bytes) : events_(most_bytes) {}

  void push(StreamEventPtr event) {
    const std::lock_guard lock(mutex_);
    const bool was_empty = events_.empty();
    dropped_ += events_.push(std::move(event));
    if (was_empty && wake_) wake_();
  }

  StreamEventPtr pop() {
    const std::lock_guard lock(mutex_);
    return events_.pop();
  }

  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    if (wake_) wake_();
  }

  void when_ready(std::function<void()> wake) {
    const std::lock_guard lock(mutex_);
    wake_ = std::move(wake);
  }

  bool finished() {
    const std::lock_guard lock(mutex_);
    return closed_ && events_.empty();
  }

  std::uint64_t dropped() {
    const std::lock_guard lock(mutex_);
    return dropped_;
  }

 private:
  std::mutex mutex_;
  EventWindow events_;
  std::function<void()> wake_;
  std::uint64_t dropped_ = 0;
  bool closed_ = false;
};

namespace {

class QueueStream : public EventStream {
 public:
  QueueStream(std::shared_ptr<EventQueue> queue, std::uint64_t oldest)
      : queue_(std::move(queue)), oldest_(oldest) {}
  StreamEventPtr next() override { return queue_->pop(); }
  void when_ready(std::function<void()> wake) override {
    queue_->when_ready(std::move(wake));
  }
  bool closed() const override { return queue_->finished(); }
  std::uint64_t dropped() const override { return queue_->dropped(); }
  std::uint64_t oldest() const override { return oldest_; }

 private:
  std::shared_ptr<EventQueue> queue_;
  const std::uint64_t oldest_;
};

using Listeners = std::vector<std::weak_ptr<EventQueue>>;

// Those that are gone are forgotten.
void push_to(Listeners& listeners, const StreamEventPtr& event) {
  std::erase_if(listeners, [&](const auto& weak) {
    const auto queue = weak.lock();
    if (queue) queue->push(event);
    return queue == nullptr;
  });
}

void close_all(Listeners& listeners) {
  for (const auto& weak : listeners) {
    if (const auto queue = weak.lock()) queue->close();
  }
  listeners.clear();
}

constexpr std::uint64_t kTurnEveryNs = 1'000'000'000;

// No agent ever comes near what this many events are.
constexpr std::uint64_t kMaxSeq = std::uint64_t{1} << 62;

std::optional<std::uint64_t> reserved_in(std::string_view text) {
  if (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  const auto number = parse_number<std::uint64_t>(text);
  return number && *number < kMaxSeq ? number : std::nullopt;
}

}  // namespace

EventLog::EventLog(std::string state_dir, std::unique_ptr<Recorder> recorder,
                   const Clock& clock)
    : clock_(clock),
      seq_file_(std::move(state_dir) + "/seq"),
      recorder_(std::move(recorder)) {
  const std::uint64_t recorded = recorder_ ? recorder_->last_seq() : 0;
  const auto text = read_file(seq_file_, 64);
  if (!text && text.error().code == ENOENT) {
    seq_ = reserved_ = recorded;
    return;
  }
  if (const auto kept = text ? reserved_in(*text) : std::nullopt) {
    seq_ = reserved_ = std::max(*kept, recorded);
    return;
  }
  // Which numbers were given out is not known; the time in milliseconds is
  // above any that were, unless there were a thousand events in each second
  // ever.
  if (text) ::rename(seq_file_.c_str(), (seq_file_ + ".damaged").c_str());
  seq_ = reserved_ = static_cast<std::uint64_t>(clock_.wall().ns / 1'000'000);
  log_warn(
      "the count of events cannot be read: going on from the time",
      {{"file", seq_file_},
       {"error", text ? std::string("it is damaged") : text.error().message}});
}

EventLog::~EventLog() { close(); }

std::uint64_t EventLog::next_seq() {
  if (seq_ == reserved_) {
    reserved_ += kBlock;
    auto written =
        write_file_atomic(seq_file_, std::to_string(reserved_) + "\n");
    if (!written)
      log_error("cannot keep event numbers",
                {{"error", written.error().message}});
  }
  return ++seq_;
}

// By a copy, but only of what is an entry: of a flood most is not.
void EventLog::record(const StreamEvent& event) {
  if (!has_readers()) return;
  const std::uint64_t now = clock_.boot_ns();
  if (filter_.admit(event, now) && !give_entry(event)) {
    filter_.refused(event, now);
  }
}

// Whether anybody wants entries.
bool EventLog::has_readers() {
  if (recorder_ != nullptr) return true;
  const std::lock_guard lock(mutex_);
  return !entry_listeners_.empty();
}

// False: the journal does not have it.
bool EventLog::give_entry(StreamEvent event) {
  const auto entry = std::make_shared<const StreamEvent>(std::move(event));
  {
    const std::lock_guard lock(mutex_);
    push_to(entry_listeners_, entry);
  }
  return recorder_ == nullptr || recorder_->offer(entry);
}

RecordFilter::Give EventLog::recording() {
  return [this](StreamEvent event) {
    event.seq = next_seq();
    if (event.time.ns == 0) event.time = clock_.wall();
    give_entry(std::move(event));
  };
}

void EventLog::turn() {
  const std::uint64_t now = clock_.boot_ns();
  if (now < next_turn_ns_) return;
  next_turn_ns_ = now + kTurnEveryNs;
  if (recorder_ != nullptr) {
    for (auto& notice : recorder_->take_notices()) {
      if (notice.kind == "journal_resumed") ++resumptions_;
      if (notice.kind == "journal_repaired" ||
          notice.kind == "journal_damaged") {
        log_warn(
            "the journal is not as it was left",
            {{"what", notice.detail}, {"hint", "stillframe audit verify"}});
      }
      std::map<std::string, std::string> facts;
      if (notice.since) facts["since"] = rfc3339(*notice.since);
      agent(std::move(notice.kind), std::move(notice.detail), std::move(facts));
    }
  }
  filter_.summarize(now, recording());
}

std::optional<WallTime> EventLog::watched_until() const {
  return recorder_ == nullptr ? std::nullopt : recorder_->watched_until();
}

std::optional<JournalState> EventLog::journal() const {
  const std::lock_guard lock(recorder_mutex_);
  if (recorder_ == nullptr) return std::nullopt;
  return recorder_->state();
}

void EventLog::publish(StreamEvent event) {
  event.seq = next_seq();
  record(event);
  const std::lock_guard lock(mutex_);
  past_.push(event);
  if (listeners_.empty()) return;
  push_to(listeners_, std::make_shared<const StreamEvent>(std::move(event)));
}

// One copy for all events of a container, until its metadata changes: a flood
// is one container's nearly always.
std::shared_ptr<const ContainerInfo> EventLog::shared(
    const ContainerInfo& container) {
  auto& known = containers_[container.id];
  if (known == nullptr || !(*known == container)) {
    known = std::make_shared<const ContainerInfo>(container);
  }
  if (containers_.size() <= swept_above_) return known;
  const auto kept = known;
  std::erase_if(containers_,
                [](const auto& one) { return one.second.use_count() == 1; });
  // Not at each event where all of them are in use.
  swept_above_ = std::max(kShared, 2 * containers_.size());
  return kept;
}

void EventLog::mutation(const ContainerInfo& container,
                        const MutationEvent& event) {
  StreamEvent out;
  out.time = event.time;
  out.class_name = to_string(class_of(event.kind));
  out.kind = to_string(event.kind);
  out.container = shared(container);
  out.verdict = to_string(event.verdict);
  out.rule = event.rule;
  out.path = event.path;
  out.from = event.from;
  out.detail = event.detail;
  out.facts = event.facts;
  out.count = event.count;
  out.actor = event.actor;
  publish(std::move(out));
}

void EventLog::lifecycle(const ContainerInfo& container, Lifecycle kind,
                         WallTime time, const std::optional<SharedActor>& actor,
                         std::string detail,
                         std::map<std::string, std::string> facts) {
  StreamEvent out;
  out.time = time;
  out.class_name = "lifecycle";
  out.kind = to_string(kind);
  out.container = shared(container);
  out.actor = actor;
  out.detail = std::move(detail);
  out.facts = std::move(facts);
  ++lifecycle_counts_[out.kind];
  publish(std::move(out));
  if (kind == Lifecycle::removed) filter_.finish(container, recording());
}

void EventLog::update(const ContainerInfo& container, Lifecycle kind,
                      const Update& update) {
  StreamEvent out;
  const bool ended = kind == Lifecycle::update_ended;
  out.time = ended ? update.ended : update.started;
  out.class_name = "lifecycle";
  out.kind = to_string(kind);
  out.container = shared(container);
  out.actor = update.actor;
  out.update = std::make_shared<const Update>(update);
  ++lifecycle_counts_[out.kind];
  publish(std::move(out));
}

void EventLog::said_of(const ContainerInfo& container, std::string kind,
                       std::map<std::string, std::string> facts) {
  StreamEvent out;
  out.time = clock_.wall();
  out.class_name = "agent";
  out.kind = std::move(kind);
  out.container = shared(container);
  out.facts = std::move(facts);
  publish(std::move(out));
}

void EventLog::agent(std::string kind, std::string detail,
                     std::map<std::string, std::string> facts) {
  StreamEvent out;
  out.time = clock_.wall();
  out.class_name = "agent";
  out.kind = std::move(kind);
  out.detail = std::move(detail);
  out.facts = std::move(facts);
  publish(std::move(out));
}

void EventLog::rule_used(const policy::Rule& rule) {
  StreamEvent out;
  out.time = clock_.wall();
  out.class_name = "agent";
  out.kind = "policy_rule_used";
  out.rule = rule.name;
  out.detail = rule.reason;
  if (rule.expires) out.facts["expires"] = rfc3339(*rule.expires);
  publish(std::move(out));
}

std::unique_ptr<EventStream> EventLog::subscribe(std::optional<WallTime> since,
                                                 bool follow) {
  auto queue = std::make_shared<EventQueue>(kWaitingBytes);
  const std::lock_guard lock(mutex_);
  if (since || !follow) {
    past_.since(
        since.value_or(WallTime{INT64_MIN}),
        [&queue](StreamEventPtr event) { queue->push(std::move(event)); });
  }
  if (follow && !closed_) {
    listeners_.push_back(queue);
  } else {
    queue->close();
  }
  return std::make_unique<QueueStream>(std::move(queue),
                                       past_.oldest_seq().value_or(UINT64_MAX));
}

std::unique_ptr<EventStream> EventLog::follow_entries() {
  auto queue = std::make_shared<EventQueue>(kWaitingEntryBytes);
  const std::lock_guard lock(mutex_);
  if (closed_) {
    queue->close();
  } else {
    entry_listeners_.push_back(queue);
  }
  return std::make_unique<QueueStream>(std::move(queue), UINT64_MAX);
}

void EventLog::drain_journal(std::chrono::milliseconds within) {
  // Held by close(), which does the same.
  const std::unique_lock lock(recorder_mutex_, within);
  if (lock && recorder_ != nullptr) recorder_->drain(within);
}

void EventLog::close() {
  filter_.finish(recording());
  {
    const std::lock_guard lock(recorder_mutex_);
    recorder_.reset();
  }
  const std::lock_guard lock(mutex_);
  closed_ = true;
  close_all(listeners_);
  close_all(entry_listeners_);
}

}  // namespace stillframe::engine
