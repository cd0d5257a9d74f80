// SPDX-License-Identifier: Apache-2.0
//
// An agent without a kernel: says what a test has it say.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>

#include "exporters/agent_api.h"
#include "exporters/container_list.h"

namespace stillframe::test {

// A name with all that can break a line, a terminal, JSON or a label.
inline const std::string kHostile = "a\n\x1b[31m\xff\"b\\c";

// Shared between the test, which pushes, and the stream, which takes.
struct EventQueue {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<StreamEventPtr> events;
  bool closed = false;
  std::uint64_t dropped = 0;
  std::uint64_t oldest = UINT64_MAX;
  int listeners = 0;
  std::vector<std::function<void()>> wakes;  // of all streams

  void push(StreamEvent event) {
    const std::lock_guard lock(mutex);
    events.push_back(std::make_shared<const StreamEvent>(std::move(event)));
    for (const auto& wake : wakes) wake();
  }
  void close() {
    const std::lock_guard lock(mutex);
    closed = true;
    for (const auto& wake : wakes) wake();
  }
  // Waits until that many streams are open; false after ten seconds.
  bool wait_for_listeners(int count) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(10),
                            [&] { return listeners == count; });
  }
};

class FakeStream : public EventStream {
 public:
  explicit FakeStream(std::shared_ptr<EventQueue> queue)
      : queue_(std::move(queue)) {
    count(1);
  }
  ~FakeStream() override { count(-1); }

  StreamEventPtr next() override {
    const std::lock_guard lock(queue_->mutex);
    if (queue_->events.empty()) return nullptr;
    auto event = queue_->events.front();
    queue_->events.pop_front();
    return event;
  }
  void when_ready(std::function<void()> wake) override {
    const std::lock_guard lock(queue_->mutex);
    queue_->wakes.push_back(std::move(wake));
  }
  bool closed() const override {
    const std::lock_guard lock(queue_->mutex);
    return queue_->closed;
  }
  std::uint64_t dropped() const override {
    const std::lock_guard lock(queue_->mutex);
    return queue_->dropped;
  }
  std::uint64_t oldest() const override {
    const std::lock_guard lock(queue_->mutex);
    return queue_->oldest;
  }

 private:
  void count(int change) {
    const std::lock_guard lock(queue_->mutex);
    queue_->listeners += change;
    queue_->changed.notify_all();
  }
  std::shared_ptr<EventQueue> queue_;
};

class FakeAgent : public AgentApi {
 public:
  Snapshot state;
  AgentPhase in_phase{AgentPhase::Name::running, ""};
  bool is_healthy = true;
  std::optional<JournalState> journal_state;
  Result<DiffAnswer> answer = fail("no container 'x'", ENOENT);
  std::shared_ptr<EventQueue> queue = std::make_shared<EventQueue>();
  std::optional<WallTime> asked_since;
  std::string asked_container;
  std::string asked_path;
  std::string asked_workload;
  Result<ExplainAnswer> explanation = fail("no container 'x'", ENOENT);
  Result<std::string> suggestion = fail("no workload 'x'", ENOENT);

  Result<GoneContainers> gone_containers;
  int scans = 0;

  AgentPhase phase() const override { return in_phase; }
  SnapshotPtr snapshot() const override {
    return std::make_shared<const Snapshot>(state);
  }
  std::optional<JournalState> journal() const override { return journal_state; }
  bool healthy() const override { return is_healthy; }
  Result<DiffAnswer> diff(const std::string& container, DiffPart) override {
    asked_container = container;
    return answer;
  }
  Result<ExplainAnswer> explain(const std::string& container,
                                const std::string& path) override {
    asked_container = container;
    asked_path = path;
    return explanation;
  }
  Result<std::string> suggest(const std::string& workload) override {
    asked_workload = workload;
    return suggestion;
  }
  Result<SnapshotPtr> scanned_snapshot() override {
    ++scans;
    return snapshot();
  }
  Result<GoneContainers> gone() override { return gone_containers; }
  std::unique_ptr<EventStream> subscribe(std::optional<WallTime> since,
                                         bool follow) override {
    {
      // Several listeners come at once.
      const std::lock_guard lock(queue->mutex);
      asked_since = since;
    }
    return std::make_unique<FakeStream>(follow ? queue : past());
  }

 private:
  // Whoever asks for what was takes nothing from others.
  std::shared_ptr<EventQueue> past() const {
    auto own = std::make_shared<EventQueue>();
    const std::lock_guard lock(queue->mutex);
    own->events = queue->events;
    own->closed = true;
    own->dropped = queue->dropped;
    own->oldest = queue->oldest;
    return own;
  }
  std::unique_ptr<EventStream> follow_entries() override {
    return std::make_unique<FakeStream>(queue);
  }
};

inline constexpr WallTime kNoon{1'795'348'800'000'000'001};

inline Actor make_actor() {
  return {.origin = Origin::exec,
          .tool = "apt",
          .comm = "dpkg",
          .exe = "/usr/bin/dpkg",
          .pid = 4711,
          .uid = 0,
          .user = {},
          .login = {},
          .ambiguous = false,
          .session = Session{.id = 7,
                             .first_cmd = "sh -c x",
                             .tty = "pts/3",
                             .uid = 0,
                             .start = kNoon,
                             .ancestors = NameList({"sshd", "podman"}),
                             .request_uid = {}},
          .ancestors = {}};
}

inline ContainerView make_container(const std::string& id,
                                    const std::string& name) {
  ContainerView view;
  view.state = ContainerState::still;
  view.info.id = id;
  view.info.name = name;
  view.info.image = "docker.io/library/nginx:1";
  view.info.image_id = "beef";
  view.info.runtime = "podman";
  view.info.workload = "shop";
  view.started = kNoon;
  view.running = true;
  return view;
}

inline ContainerList listed(const Snapshot& snapshot) {
  ContainerList list;
  for (const auto& view : snapshot.containers) {
    list.rows.push_back({view, std::nullopt});
  }
  return list;
}

inline PathChange make_change(const std::string& path, Verdict verdict) {
  PathChange change;
  change.path = path;
  change.change = Change::added;
  change.kinds = {Kind::file_create, Kind::file_write};
  change.verdict = verdict;
  change.first_seen = kNoon;
  change.last_seen = kNoon;
  change.count = 2;
  change.actors = {make_actor()};
  return change;
}

inline DiffAnswer make_diff() {
  DiffAnswer diff;
  diff.container = make_container("3f2a00", "web");
  diff.container.state = ContainerState::mutated;
  diff.container.ever_mutated = true;
  diff.changes = {make_change("/etc/x", Verdict::violation),
                  make_change("/tmp/y", Verdict::scratch)};
  diff.runtime_lines = {{Change::added, "/etc/x"},
                        {Change::changed, "/\xff\n"}};
  return diff;
}

// Its changes with one of them edited; or without it.
inline void edit(DiffAnswer& diff, std::size_t which,
                 const std::function<void(PathChange&)>& how) {
  PathChange change = diff.changes[which];
  how(change);
  ChangeList all;
  for (std::size_t i = 0; i < diff.changes.size(); ++i) {
    all.push_back(i == which ? change : diff.changes[i]);
  }
  diff.changes = all;
}

inline void drop(DiffAnswer& diff, std::size_t which) {
  ChangeList rest;
  for (std::size_t i = 0; i < diff.changes.size(); ++i) {
    if (i != which) rest.push_back(diff.changes[i]);
  }
  diff.changes = rest;
}

inline StreamEvent make_event(std::uint64_t seq, const std::string& container) {
  StreamEvent event;
  event.seq = seq;
  event.time = kNoon;
  event.class_name = "content";
  event.kind = "file_create";
  event.verdict = "violation";
  ContainerInfo info;
  info.id = container;
  info.name = "web";
  event.container = std::make_shared<const ContainerInfo>(std::move(info));
  event.path = "/etc/x";
  event.actor = SharedActor(make_actor());
  return event;
}

}  // namespace stillframe::test
