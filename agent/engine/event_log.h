// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/clock.h"
#include "agent/engine/past_events.h"
#include "agent/engine/record_filter.h"
#include "agent/engine/recorder.h"
#include "agent/model/container.h"
#include "agent/model/mutation.h"
#include "agent/model/update.h"
#include "exporters/agent_api.h"

namespace stillframe::policy {
struct Rule;
}

namespace stillframe::engine {

class EventQueue;

// Numbers events, keeps the latest, hands them to listeners. The loop writes,
// any thread listens.
class EventLog {
 public:
  // Sequence numbers grow across restarts: a block of them is reserved in
  // `state_dir`/seq before it is used. The recorder may be null: then nothing
  // is recorded.
  explicit EventLog(std::string state_dir,
                    std::unique_ptr<Recorder> recorder = nullptr,
                    const Clock& clock = system_clock());
  ~EventLog();

  void mutation(const ContainerInfo& container, const MutationEvent& event);
  void lifecycle(const ContainerInfo& container, Lifecycle kind, WallTime time,
                 const std::optional<SharedActor>& actor = std::nullopt,
                 std::string detail = "",
                 std::map<std::string, std::string> facts = {});
  void update(const ContainerInfo& container, Lifecycle kind,
              const Update& update);
  // What the agent says of a container, of class "agent".
  void said_of(const ContainerInfo& container, std::string kind,
               std::map<std::string, std::string> facts);
  void agent(std::string kind, std::string detail,
             std::map<std::string, std::string> facts = {});
  // The rule by which something was allowed: why, and until when.
  void rule_used(const policy::Rule& rule);

  // What the journal has to say of itself, and counts that are due. At least
  // once a second.
  void turn();
  // How often the journal was written again after it could not be.
  std::uint64_t resumptions() const { return resumptions_; }
  // Until when an agent was there before. Nothing: by no journal.
  std::optional<WallTime> watched_until() const;
  // Nothing: there is no journal. From any thread.
  std::optional<JournalState> journal() const;

  // Times each lifecycle kind was published, by name.
  const std::map<std::string, std::uint64_t>& lifecycle_counts() const {
    return lifecycle_counts_;
  }

  std::unique_ptr<EventStream> subscribe(std::optional<WallTime> since,
                                         bool follow);
  std::unique_ptr<EventStream> follow_entries();
  // As Recorder::drain(), for who ends the process without close(). From any
  // thread.
  void drain_journal(std::chrono::milliseconds within);
  // Ends all listeners; all that is to be recorded is written.
  void close();

 private:
  static constexpr std::size_t kKept = 10'000;
  static constexpr std::size_t kKeptBytes = 3 << 19;
  // What waits for one listener. Those that do not read hold the same latest
  // events, so this bounds all of them together.
  static constexpr std::size_t kWaitingBytes = 32 << 20;
  static constexpr std::size_t kWaitingEntryBytes = 4 << 20;
  static constexpr std::size_t kShared = 256;
  static constexpr std::uint64_t kBlock = 4096;

  std::uint64_t next_seq();
  void record(const StreamEvent& event);
  bool has_readers();
  bool give_entry(StreamEvent event);
  RecordFilter::Give recording();
  void publish(StreamEvent event);
  std::shared_ptr<const ContainerInfo> shared(const ContainerInfo& container);

  const Clock& clock_;
  std::string seq_file_;
  std::uint64_t seq_ = 0;
  std::uint64_t reserved_ = 0;
  std::map<std::string, std::uint64_t> lifecycle_counts_;
  std::map<std::string, std::shared_ptr<const ContainerInfo>> containers_;
  // With more of them, those of which no event is kept go.
  std::size_t swept_above_ = kShared;
  RecordFilter filter_;
  std::uint64_t next_turn_ns_ = 0;
  std::uint64_t resumptions_ = 0;
  // Null once closed; the lock is for those who ask from other threads.
  std::unique_ptr<Recorder> recorder_;
  mutable std::timed_mutex recorder_mutex_;

  std::mutex mutex_;  // the members below
  bool closed_ = false;
  PastEvents past_{kKept, kKeptBytes};
  std::vector<std::weak_ptr<EventQueue>> listeners_;
  std::vector<std::weak_ptr<EventQueue>> entry_listeners_;
};

}  // namespace stillframe::engine
