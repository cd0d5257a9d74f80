// SPDX-License-Identifier: Apache-2.0
//
// Makes a node's part of a report from its events, which come in the order in
// which the journal has them. Pure logic.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "exporters/agent_api.h"
#include "exporters/report/kubernetes_audit.h"
#include "exporters/report/report.h"
#include "exporters/report/timeline.h"

namespace stillframe::report {

class Collector {
 public:
  // Whom a report names of a container's; the rest is counted.
  static constexpr std::size_t kMostHands = 200;
  static constexpr std::size_t kMostSessions = 1000;
  static constexpr std::size_t kMostUpdates = 1000;
  static constexpr std::size_t kMostPaths = 20;  // of one hand

  // `kubernetes` outlives it; null: nobody is asked.
  Collector(Period period, const KubernetesAudit* kubernetes);

  void take(const StreamEvent& event);
  // `until`: how far the journal is known to go.
  NodeReport finish(WallTime until) &&;

 private:
  // Where an event was counted, to be found by what repeats it.
  struct Counted {
    ChangeKey key;
    std::string hand;  // empty: none
    std::uint64_t session = 0;
  };
  struct Story {
    ContainerReport report;
    Timeline timeline;
    std::map<std::string, Hand> hands;
    std::map<std::uint64_t, std::size_t> sessions;  // in report.sessions
    std::map<std::uint64_t, std::size_t> updates;
    std::unordered_map<std::uint64_t, Counted> counted;  // by seq
  };

  Story& story_of(const StreamEvent& event);
  void take_lifecycle(Story& story, const StreamEvent& event);
  void take_state(Story& story, const StreamEvent& event);
  void take_mutation(Story& story, const StreamEvent& event);
  void take_repeats(Story& story, const StreamEvent& event);
  void take_agent(const StreamEvent& event);
  void take_replaced(Story& story, const StreamEvent& event);
  void take_update(Story& story, const StreamEvent& event);
  void begin_watching(const StreamEvent& event);
  void count(Story& story, const Counted& counted, std::uint64_t count,
             WallTime time, std::string_view path);
  SessionRow* session_of(Story& story, const Session& session,
                         const Actor& actor);
  void used(Story& story, const std::string& rule, std::uint64_t count,
            WallTime time);
  void gap(std::string kind, const std::string& what, const char* hides,
           Period when);

  const Period period_;
  const KubernetesAudit* kubernetes_;
  NodeReport node_;
  std::vector<std::unique_ptr<Story>> stories_;
  std::unordered_map<std::string, Story*> by_key_;
  std::optional<WallTime> first_;
  std::optional<WallTime> stopped_;
  WallTime latest_;
  std::map<std::string, std::map<std::string, bool>> rule_users_;
  std::map<std::string, std::size_t> gaps_;  // those that are added up
};

}  // namespace stillframe::report
