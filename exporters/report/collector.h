// SPDX-License-Identifier: Apache-2.0
//
// Makes a node's part of a report from its events, which come in the order in
// which the journal has them. Pure logic.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "exporters/agent_api.h"
#include "exporters/report/gaps.h"
#include "exporters/report/kubernetes_audit.h"
#include "exporters/report/report.h"
#include "exporters/report/timeline.h"

namespace stillframe::report {

class Collector {
 public:
  // Whom a report names of a container's; the rest is counted. Those who came
  // in from outside have as many again, whatever programs the container runs.
  static constexpr std::size_t kMostHands = 200;
  static constexpr std::size_t kMostSessions = 1000;
  static constexpr std::size_t kMostUpdates = 1000;
  static constexpr std::size_t kMostPaths = 20;  // of one hand
  // Of how many changes it is known what repeats them: twice what an agent
  // counts repeats of.
  static constexpr std::size_t kMostCounted = 65'536;

  // `kubernetes` outlives it; null: nobody is asked.
  Collector(Period period, const KubernetesAudit* kubernetes);

  void take(const StreamEvent& event);
  // `until`: how far the journal is known to go. What is between that and
  // `now` nobody watched.
  NodeReport finish(WallTime until, WallTime now) &&;

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
    Condition state = Condition::unknown;  // if it runs
    bool running = true;
    std::optional<WallTime> said;  // when the state was last
    std::map<std::string, Hand> hands;
    std::size_t hands_inside = 0;  // of these, not from outside
    std::unordered_set<std::size_t> more_hands;
    std::map<std::uint64_t, std::size_t> sessions;  // in report.sessions
    std::unordered_set<std::uint64_t> more_sessions;
    std::map<std::uint64_t, std::size_t> updates;
    std::unordered_set<std::uint64_t> more_updates;
    std::unordered_map<std::uint64_t, Counted> counted;  // by seq

    Condition condition() const { return running ? state : Condition::stopped; }
    bool open() const { return timeline.begun() && !timeline.ended(); }
  };
  struct Rule {
    std::string reason;
    std::optional<WallTime> expires;
  };
  struct Run {
    WallTime since;
    std::string version;
    std::map<std::string, std::string> sensors;
  };

  Story& story_of(const StreamEvent& event);
  void take_lifecycle(Story& story, const StreamEvent& event);
  void take_state(Story& story, const StreamEvent& event);
  void take_mutation(Story& story, const StreamEvent& event);
  void take_excess(Story& story, const StreamEvent& event);
  void take_repeats(Story& story, const StreamEvent& event);
  void take_agent(const StreamEvent& event);
  void take_policy(const StreamEvent& event);
  void take_replaced(Story& story, const StreamEvent& event);
  void take_update(Story& story, const StreamEvent& event);
  void begin_watching(const StreamEvent& event);
  void call_the_roll(const StreamEvent& event);
  void lose_journal(const StreamEvent& event);
  void nobody_watched(WallTime since);
  void violated(Story& story, WallTime time);
  Counted sort(Story& story, const StreamEvent& event, const Actor& actor);
  void add_hand(Story& story, const Actor& actor, WallTime time,
                Counted& counted);
  void count(Story& story, const Counted& counted, std::uint64_t count,
             WallTime time, std::string_view path);
  void remember(Story& story, std::uint64_t seq, Counted counted);
  SessionRow* session_of(Story& story, const Session& session,
                         const Actor& actor, WallTime time);
  void used(Story& story, const std::string& rule, std::uint64_t count,
            WallTime time);
  ExceptionRow exception(const std::string& rule);
  void finish_story(Story& story);
  void finish_runs();

  const Period period_;
  const KubernetesAudit* kubernetes_;
  NodeReport node_;
  std::vector<std::unique_ptr<Story>> stories_;
  std::unordered_map<std::string, Story*> by_key_;
  std::deque<std::pair<Story*, std::uint64_t>> counted_;  // all, in order
  std::optional<WallTime> first_;
  std::optional<WallTime> stopped_;
  WallTime latest_;
  std::map<std::string, Rule> rules_;
  std::map<std::string, std::set<std::string>> rule_users_;
  std::optional<PolicyRow> policy_before_;
  std::vector<Run> runs_;
  Gaps gaps_;
};

}  // namespace stillframe::report
