// SPDX-License-Identifier: Apache-2.0
#include "exporters/report/collector.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "agent/model/container_name.h"
#include "exporters/console/actor.h"

namespace stillframe::report {
namespace {

constexpr const char* kHidesAway =
    "Nobody watched. What was left changed was found by comparing with the "
    "image afterwards; what was changed and changed back, containers that came "
    "and went, and who did it were not seen.";
constexpr const char* kHidesLost =
    "Who made some changes, and changes that were undone at once. What was "
    "left "
    "changed was found by comparing.";
constexpr const char* kHidesGap =
    "Single changes of one container, and who made them. What was left changed "
    "was found by comparing.";
constexpr const char* kHidesCounted =
    "Paths and times of single changes. How many of which kind, and by whom, "
    "is "
    "counted.";
constexpr const char* kHidesJournal =
    "Entries of that time may be missing from this report.";
constexpr const char* kHidesState =
    "What had been known of a container before: who had changed it, and when.";

struct AgentKind {
  std::string_view kind;
  const char* hides;
};
constexpr std::array kGaps = {AgentKind{"events_lost", kHidesLost},
                              AgentKind{"sensor_gap", kHidesGap},
                              AgentKind{"state_damaged", kHidesState},
                              AgentKind{"journal_repaired", kHidesJournal},
                              AgentKind{"journal_damaged", kHidesJournal},
                              AgentKind{"journal_resumed", kHidesJournal}};

std::string fact(const StreamEvent& event, const char* name) {
  const auto at = event.facts.find(name);
  return at == event.facts.end() ? std::string() : at->second;
}

std::optional<WallTime> time_fact(const StreamEvent& event, const char* name) {
  const auto time = parse_rfc3339(fact(event, name));
  return time && time->ns >= 0 ? std::optional(*time) : std::nullopt;
}

std::optional<Condition> condition_from(const std::string& name) {
  const auto at =
      std::find(kConditionNames.begin(), kConditionNames.end(), name);
  if (at == kConditionNames.end()) return std::nullopt;
  return static_cast<Condition>(at - kConditionNames.begin());
}

std::string through(const Actor& actor) {
  std::string out;
  const NameList& names =
      actor.session ? actor.session->ancestors : actor.ancestors;
  for (const auto& name : names.all()) out += (out.empty() ? "" : " > ") + name;
  return out;
}

std::string login_of(const Actor& actor) {
  if (!actor.login) return actor.user;
  return actor.login->user.empty() ? std::to_string(actor.login->uid)
                                   : actor.login->user;
}

// Only what was counted, and not kept one by one, has it.
bool is_excess(const StreamEvent& event) {
  return event.path.empty() && event.facts.contains("since") &&
         !event.detail.empty();
}

bool is_of(const StreamEvent& event, Lifecycle kind) {
  return event.kind == to_string(kind);
}

}  // namespace

Collector::Collector(Period period, const KubernetesAudit* kubernetes)
    : period_(period), kubernetes_(kubernetes) {}

Collector::Story& Collector::story_of(const StreamEvent& event) {
  const ContainerInfo& info = *event.container;
  const std::string key = info.outer + '/' + key_of(info);
  auto& known = by_key_[key];
  const bool begins =
      event.class_name == "lifecycle" &&
      (is_of(event, Lifecycle::created) || is_of(event, Lifecycle::live));
  if (known == nullptr || (known->timeline.ended() && begins)) {
    stories_.push_back(std::make_unique<Story>());
    known = stories_.back().get();
  }
  Story& story = *known;
  story.report.info = info;
  Timeline& timeline = story.timeline;
  if (!timeline.begun() ||
      (!timeline.ended() && timeline.condition() == Condition::unwatched)) {
    timeline.set(event.time, Condition::unknown);
  }
  return story;
}

void Collector::take(const StreamEvent& event) {
  if (event.time.ns < 0) return;  // no clock of an agent says so
  if (!first_) first_ = event.time;
  latest_ = std::max(latest_, event.time);
  if (event.container == nullptr) return take_agent(event);
  Story& story = story_of(event);
  if (!event.verdict.empty()) return take_mutation(story, event);
  if (event.class_name == "lifecycle") return take_lifecycle(story, event);
  if (event.kind == "state" || event.kind == "judged_again") {
    return take_state(story, event);
  }
  if (event.kind == "repeats") take_repeats(story, event);
}

void Collector::take_lifecycle(Story& story, const StreamEvent& event) {
  if (is_of(event, Lifecycle::removed)) {
    story.timeline.end(event.time);
  } else if (is_of(event, Lifecycle::replaced)) {
    take_replaced(story, event);
  } else if (event.update) {
    take_update(story, event);
  } else if (event.actor && (*event.actor)->session) {
    SessionRow* row =
        session_of(story, *(*event.actor)->session, **event.actor);
    if (row != nullptr && is_of(event, Lifecycle::session_ended)) {
      row->ended = event.time;
    }
  }
}

void Collector::take_state(Story& story, const StreamEvent& event) {
  if (is_excess(event)) {
    gap("beyond_share", "states of containers", kHidesCounted,
        {time_fact(event, "since").value_or(event.time), event.time});
    return;
  }
  const auto condition = condition_from(fact(event, "state"));
  if (!condition || story.timeline.ended()) return;
  story.timeline.set(event.time, *condition);
  const auto first = time_fact(event, "first_mutation");
  auto& known = story.report.first_mutation;
  if (first) known = known ? std::min(*known, *first) : *first;
}

void Collector::take_mutation(Story& story, const StreamEvent& event) {
  const Actor& actor = event.actor ? **event.actor : Actor{};
  const bool violates = event.verdict == "violation";
  if (violates && !story.timeline.ended()) {
    auto& first = story.report.first_mutation;
    first = first ? std::min(*first, event.time) : event.time;
    story.timeline.set(event.time, Condition::mutated);
  }
  Counted counted{.key = {.mutation_class = std::string(event.class_name),
                          .kind = event.kind,
                          .verdict = std::string(event.verdict),
                          .origin = std::string(to_string(actor.origin)),
                          .rule = event.rule},
                  .hand = {},
                  .session = actor.session ? actor.session->id : 0};
  SessionRow* session =
      actor.session ? session_of(story, *actor.session, actor) : nullptr;
  if (violates || event.verdict == "allowed") {
    Hand hand{.who = console::who_briefly(actor),
              .person = session != nullptr ? session->person : login_of(actor),
              .probable = session != nullptr && session->probable,
              .through = through(actor),
              .classes = {},
              .first = event.time,
              .last = event.time,
              .paths = {}};
    counted.hand = hand.who + '\0' + hand.person + '\0' + hand.through;
    if (!story.hands.contains(counted.hand)) {
      if (story.hands.size() < kMostHands) {
        story.hands.emplace(counted.hand, std::move(hand));
      } else if (period_.contains(event.time)) {
        ++story.report.hands_left_out;
      }
    }
  }
  if (is_excess(event)) {
    gap("beyond_share", "changes of containers", kHidesCounted,
        {time_fact(event, "since").value_or(event.time), event.time});
    if (period_.contains(event.time)) story.report.not_itemized += event.count;
  }
  count(story, counted, event.count, event.time, event.path);
  story.counted.emplace(event.seq, std::move(counted));
}

void Collector::take_repeats(Story& story, const StreamEvent& event) {
  for (const auto& repeat : event.repeats) {
    const auto at = story.counted.find(repeat.seq);
    if (at == story.counted.end()) continue;
    count(story, at->second, repeat.count, repeat.last, {});
  }
}

void Collector::count(Story& story, const Counted& counted, std::uint64_t count,
                      WallTime time, std::string_view path) {
  if (!period_.contains(time)) return;
  const bool violates = counted.key.verdict == "violation";
  story.report.changes[counted.key] += count;
  if (violates) story.report.violations += count;
  if (const auto at = story.sessions.find(counted.session);
      at != story.sessions.end() && !counted.hand.empty()) {
    story.report.sessions[at->second].changes += count;
  }
  if (!counted.key.rule.empty() && counted.key.verdict == "allowed") {
    used(story, counted.key.rule, count, time);
  }
  const auto at = story.hands.find(counted.hand);
  if (counted.hand.empty() || at == story.hands.end()) return;
  Hand& hand = at->second;
  if (hand.changes == 0) hand.first = time;
  hand.first = std::min(hand.first, time);
  hand.last = std::max(hand.last, time);
  hand.changes += count;
  if (violates) hand.violations += count;
  hand.classes[counted.key.mutation_class] += count;
  if (!path.empty() && hand.paths.size() < kMostPaths &&
      std::find(hand.paths.begin(), hand.paths.end(), path) ==
          hand.paths.end()) {
    hand.paths.emplace_back(path);
  }
}

void Collector::used(Story& story, const std::string& rule, std::uint64_t count,
                     WallTime time) {
  ExceptionRow& row = node_.exceptions[rule];
  row.rule = rule;
  if (row.changes == 0) row.first = time;
  row.first = std::min(row.first, time);
  row.last = std::max(row.last, time);
  row.changes += count;
  rule_users_[rule][key_of(story.report.info)] = true;
}

SessionRow* Collector::session_of(Story& story, const Session& session,
                                  const Actor& actor) {
  if (const auto at = story.sessions.find(session.id);
      at != story.sessions.end()) {
    return &story.report.sessions[at->second];
  }
  if (story.report.sessions.size() >= kMostSessions) {
    ++story.report.sessions_left_out;
    return nullptr;
  }
  SessionRow row{.session = session, .person = login_of(actor), .ended = {}};
  if (kubernetes_ != nullptr) {
    if (auto user = kubernetes_->find(story.report.info, session)) {
      row.person = user->name;
      row.probable = user->probable;
    }
  }
  story.sessions.emplace(session.id, story.report.sessions.size());
  story.report.sessions.push_back(std::move(row));
  return &story.report.sessions.back();
}

void Collector::take_update(Story& story, const StreamEvent& event) {
  const Update& update = *event.update;
  const auto [at, is_new] =
      story.updates.try_emplace(update.id, story.report.updates.size());
  if (!is_new) {
    if (at->second < story.report.updates.size()) {
      story.report.updates[at->second] = update;
    }
  } else if (story.report.updates.size() < kMostUpdates) {
    story.report.updates.push_back(update);
  } else {
    ++story.report.updates_left_out;
  }
}

void Collector::take_replaced(Story& story, const StreamEvent& event) {
  ReplacementRow row{.time = event.time,
                     .by = fact(event, "by"),
                     .image_changed = fact(event, "image_changed") == "true",
                     .mutated_seconds = {}};
  if (const auto& first = story.report.first_mutation) {
    row.mutated_seconds = static_cast<double>(std::max<std::int64_t>(
                              0, event.time.ns - first->ns)) /
                          1e9;
  }
  story.report.replaced = std::move(row);
}

void Collector::begin_watching(const StreamEvent& event) {
  // What was counted before is never repeated: its numbers have ended, too.
  for (const auto& story : stories_) story->counted.clear();
  const auto since = stopped_ ? stopped_ : time_fact(event, "unwatched_since");
  stopped_.reset();
  node_.version = fact(event, "version");
  node_.sensors.clear();
  for (const auto& [name, value] : event.facts) {
    constexpr std::string_view kSensor = "sensor_";
    if (name.starts_with(kSensor)) {
      node_.sensors[name.substr(kSensor.size())] = value;
    }
  }
  if (!since || *since >= event.time) return;
  for (const auto& story : stories_) {
    if (!story->timeline.ended()) {
      story->timeline.set(*since, Condition::unwatched);
    }
  }
  const WallTime from = std::max(*since, period_.since);
  const WallTime to = std::min(event.time, period_.until);
  if (from < to) {
    node_.away_seconds += static_cast<double>(to.ns - from.ns) / 1e9;
    node_.gaps.push_back({.node = {},
                          .kind = "agent_away",
                          .what = "no agent ran",
                          .hides = kHidesAway,
                          .since = from,
                          .until = to});
  }
}

// Those of one kind are one row.
void Collector::gap(std::string kind, const std::string& what,
                    const char* hides, Period when) {
  if (when.until < period_.since || when.since >= period_.until) return;
  const auto [at, is_new] = gaps_.try_emplace(kind, node_.gaps.size());
  if (is_new) {
    node_.gaps.push_back({.node = {},
                          .kind = std::move(kind),
                          .what = what,
                          .hides = hides,
                          .since = when.since,
                          .until = when.until});
    return;
  }
  GapRow& row = node_.gaps[at->second];
  row.since = std::min(row.since, when.since);
  row.until = std::max(row.until, when.until);
  ++row.times;
}

void Collector::take_agent(const StreamEvent& event) {
  if (event.kind == "started") return begin_watching(event);
  if (event.kind == "stopped") {
    stopped_ = event.time;
  } else if (event.kind == "policy_rule_used") {
    ExceptionRow& row = node_.exceptions[event.rule];
    row.rule = event.rule;
    row.reason = event.detail;
    row.expires = time_fact(event, "expires");
  } else if (event.kind == "policy_rule_expired") {
    ExceptionRow& row = node_.exceptions[event.detail];
    row.rule = event.detail;
    row.expired = event.time;
  }
  if (event.kind == "policy_loaded" || event.kind == "policy_failed") {
    if (period_.contains(event.time)) {
      node_.policies.push_back({.node = {},
                                .time = event.time,
                                .loaded = event.kind == "policy_loaded",
                                .detail = event.detail,
                                .sha256 = fact(event, "sha256")});
    }
  }
  for (const auto& [kind, hides] : kGaps) {
    if (event.kind == kind) {
      gap(event.kind, event.detail, hides, {event.time, event.time});
    }
  }
}

NodeReport Collector::finish(WallTime until) && {
  until = std::max(until, latest_);
  if (stopped_) {
    // Nobody came back.
    for (const auto& story : stories_) {
      if (!story->timeline.ended()) {
        story->timeline.set(*stopped_, Condition::unwatched);
      }
    }
    until = *stopped_;
  }
  node_.watched = {.since = std::max(first_.value_or(until), period_.since),
                   .until = std::min(until, period_.until)};
  for (const auto& story : stories_) {
    ContainerReport& report = story->report;
    report.stretches = story->timeline.within(node_.watched);
    if (report.stretches.empty() && report.changes.empty()) continue;
    report.times = sum(report.stretches);
    report.begin = story->timeline.begin();
    report.end = story->timeline.end();
    report.at_end = report.stretches.empty()
                        ? story->timeline.condition()
                        : report.stretches.back().condition;
    for (auto& [key, hand] : story->hands) {
      if (hand.changes != 0) report.hands.push_back(std::move(hand));
    }
    std::stable_sort(
        report.hands.begin(), report.hands.end(),
        [](const Hand& a, const Hand& b) { return a.changes > b.changes; });
    if (report.replaced && !period_.contains(report.replaced->time)) {
      report.replaced.reset();
    }
    std::erase_if(report.updates, [&](const Update& update) {
      return !period_.contains(update.started);
    });
    std::erase_if(report.sessions, [&](const SessionRow& row) {
      return row.changes == 0 && !period_.contains(row.session.start);
    });
    node_.containers.push_back(std::move(report));
  }
  for (auto& [rule, row] : node_.exceptions) {
    row.containers = rule_users_[rule].size();
  }
  // Of which only is known that they are there: nothing was tolerated by them.
  std::erase_if(node_.exceptions, [](const auto& one) {
    return one.second.changes == 0 && !one.second.expired;
  });
  return std::move(node_);
}

}  // namespace stillframe::report
