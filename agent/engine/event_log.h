// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "agent/engine/past_events.h"
#include "agent/model/container.h"
#include "agent/model/mutation.h"
#include "agent/model/update.h"
#include "exporters/agent_api.h"

namespace stillframe::engine {

class EventQueue;

// Numbers events, keeps the latest, hands them to listeners. The loop writes,
// any thread listens.
class EventLog {
 public:
  // Sequence numbers grow across restarts: a block of them is reserved in
  // `state_dir`/seq before it is used.
  explicit EventLog(std::string state_dir);
  ~EventLog();

  void mutation(const ContainerInfo& container, const MutationEvent& event);
  void lifecycle(const ContainerInfo& container, Lifecycle kind, WallTime time,
                 const std::optional<SharedActor>& actor = std::nullopt,
                 std::string detail = "");
  void update(const ContainerInfo& container, Lifecycle kind,
              const Update& update);
  void agent(std::string kind, std::string detail);

  // Times each lifecycle kind was published, by name.
  const std::map<std::string, std::uint64_t>& lifecycle_counts() const {
    return lifecycle_counts_;
  }

  std::unique_ptr<EventStream> subscribe(std::optional<WallTime> since,
                                         bool follow);
  void close();  // ends all listeners

 private:
  static constexpr std::size_t kKept = 10'000;
  static constexpr std::size_t kKeptBytes = 3 << 19;
  static constexpr std::size_t kShared = 256;
  static constexpr std::uint64_t kBlock = 4096;

  std::uint64_t next_seq();
  void publish(StreamEvent event);
  std::shared_ptr<const ContainerInfo> shared(const ContainerInfo& container);

  std::string seq_file_;
  std::uint64_t seq_ = 0;
  std::uint64_t reserved_ = 0;
  std::map<std::string, std::uint64_t> lifecycle_counts_;
  std::map<std::string, std::shared_ptr<const ContainerInfo>> containers_;
  // With more of them, those of which no event is kept go.
  std::size_t swept_above_ = kShared;

  std::mutex mutex_;  // the members below
  bool closed_ = false;
  PastEvents past_{kKept, kKeptBytes};
  std::vector<std::weak_ptr<EventQueue>> listeners_;
};

}  // namespace stillframe::engine
