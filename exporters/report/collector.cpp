// SPDX-License-Identifier: Apache-2.0
#include "exporters/report/collector.h"

#include <algorithm>
#include <array>
#include <utility>

#include "agent/model/container_name.h"
#include "exporters/console/actor.h"
#include "exporters/report/words.h"

namespace stillframe::report {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;
// An agent that is there renews its checkpoint each minute.
constexpr std::int64_t kSilentNs = 120 * kSecondNs;

std::string fact(const StreamEvent& event, const char* name) {
  const auto at = event.facts.find(name);
  return at == event.facts.end() ? std::string() : at->second;
}

std::optional<WallTime> time_fact(const StreamEvent& event, const char* name) {
  const auto time = parse_rfc3339(fact(event, name));
  return time && time->ns >= 0 ? std::optional(*time) : std::nullopt;
}

std::optional<Condition> state_from(const std::string& name) {
  for (const Condition one :
       {Condition::still, Condition::mutated, Condition::unknown}) {
    if (to_string(one) == name) return one;
  }
  return std::nullopt;
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

bool is_from_outside(const Actor& actor) {
  return actor.origin == Origin::exec || actor.origin == Origin::host;
}

// Only what was counted, and not kept one by one, has it.
bool is_excess(const StreamEvent& event) {
  return event.path.empty() && event.facts.contains("since") &&
         !event.detail.empty();
}

bool is_of(const StreamEvent& event, Lifecycle kind) {
  return event.kind == to_string(kind);
}

// What is said of a container after its end.
bool trails(const StreamEvent& event) {
  return event.kind == "repeats" || is_excess(event) ||
         is_of(event, Lifecycle::removed) ||
         is_of(event, Lifecycle::replaced) ||
         is_of(event, Lifecycle::session_ended) ||
         is_of(event, Lifecycle::update_ended);
}

std::string key_of(const ExceptionRow& row) {
  return row.rule + '\0' + row.reason + '\0' +
         (row.expires ? std::to_string(row.expires->ns) : "");
}

}  // namespace

Collector::Collector(Period period, const KubernetesAudit* kubernetes)
    : period_(period), kubernetes_(kubernetes), gaps_(period) {}

Collector::Story& Collector::story_of(const StreamEvent& event) {
  const ContainerInfo& info = *event.container;
  const std::string key = info.outer + '/' + stillframe::key_of(info);
  auto& known = by_key_[key];
  // An id can be used again.
  if (known == nullptr || (known->timeline.ended() && !trails(event))) {
    stories_.push_back(std::make_unique<Story>());
    known = stories_.back().get();
  }
  Story& story = *known;
  story.report.info = info;
  Timeline& timeline = story.timeline;
  if (!timeline.begun()) {
    timeline.set(event.time, Condition::unknown);
  } else if (!timeline.ended() &&
             timeline.condition() == Condition::unwatched) {
    story.state = Condition::unknown;
    story.running = true;
    story.said.reset();
    timeline.set_late(event.time, Condition::unknown);
  }
  return story;
}

void Collector::take(const StreamEvent& event) {
  if (event.time.ns < 0) return;  // no clock of an agent says so
  first_ = std::min(first_.value_or(event.time), event.time);
  latest_ = event.time;
  if (event.container == nullptr) return take_agent(event);
  Story& story = story_of(event);
  if (is_excess(event)) {
    take_excess(story, event);
  } else if (!event.verdict.empty()) {
    take_mutation(story, event);
  } else if (event.class_name == "lifecycle") {
    take_lifecycle(story, event);
  } else if (event.kind == "state" || event.kind == "judged_again") {
    take_state(story, event);
  } else if (event.kind == "repeats") {
    take_repeats(story, event);
  }
}

void Collector::take_lifecycle(Story& story, const StreamEvent& event) {
  if (is_of(event, Lifecycle::removed)) {
    if (story.open()) story.timeline.end(event.time);
  } else if (is_of(event, Lifecycle::exited) || is_of(event, Lifecycle::live)) {
    story.running = is_of(event, Lifecycle::live);
    if (story.open()) story.timeline.set_late(event.time, story.condition());
  } else if (is_of(event, Lifecycle::replaced)) {
    take_replaced(story, event);
  } else if (event.update) {
    take_update(story, event);
  } else if (event.actor && (*event.actor)->session) {
    SessionRow* row =
        session_of(story, *(*event.actor)->session, **event.actor, event.time);
    if (row != nullptr && is_of(event, Lifecycle::session_ended)) {
      row->ended = event.time;
    }
  }
}

void Collector::take_state(Story& story, const StreamEvent& event) {
  const auto state = state_from(fact(event, "state"));
  if (!state || !story.open()) return;
  story.state = *state;
  story.said = event.time;
  const std::string running = fact(event, "running");
  if (!running.empty()) story.running = running == "true";
  story.timeline.set(event.time, story.condition());
  const auto first = time_fact(event, "first_mutation");
  auto& known = story.report.first_mutation;
  if (first) known = known ? std::min(*known, *first) : *first;
  if (event.time < period_.until) {
    const auto scan = time_fact(event, "last_scan");
    if (scan) story.report.last_comparison = scan;
  }
}

// What the state that was said later knew of says no more.
void Collector::violated(Story& story, WallTime time) {
  auto& first = story.report.first_mutation;
  first = first ? std::min(*first, time) : time;
  if (story.said && time < *story.said) return;
  const auto end = story.timeline.end();
  if (end && *end < time) return;
  story.state = Condition::mutated;
  story.timeline.set_late(time, story.condition());
}

Collector::Counted Collector::sort(Story& story, const StreamEvent& event,
                                   const Actor& actor) {
  Counted counted{.key = {.mutation_class = std::string(event.class_name),
                          .kind = event.kind,
                          .verdict = std::string(event.verdict),
                          .origin = std::string(to_string(actor.origin)),
                          .rule = event.rule},
                  .hand = {},
                  .session = actor.session ? actor.session->id : 0};
  if (event.verdict == "violation" || event.verdict == "allowed") {
    add_hand(story, actor, event.time, counted);
  }
  return counted;
}

void Collector::add_hand(Story& story, const Actor& actor, WallTime time,
                         Counted& counted) {
  const SessionRow* session =
      actor.session ? session_of(story, *actor.session, actor, time) : nullptr;
  Hand hand{.who = console::who_briefly(actor),
            .person = session != nullptr ? session->person : login_of(actor),
            .probable = session != nullptr && session->probable,
            .through = through(actor),
            .classes = {},
            .first = time,
            .last = time,
            .paths = {}};
  counted.hand = hand.who + '\0' + hand.person + (hand.probable ? "?" : "") +
                 '\0' + hand.through;
  if (story.hands.contains(counted.hand) || !period_.contains(time)) return;
  const bool outside = is_from_outside(actor);
  const std::size_t named =
      outside ? story.hands.size() - story.hands_inside : story.hands_inside;
  if (named >= kMostHands) {
    story.more_hands.insert(std::hash<std::string>()(counted.hand));
    return;
  }
  if (!outside) ++story.hands_inside;
  story.hands.emplace(counted.hand, std::move(hand));
}

void Collector::take_mutation(Story& story, const StreamEvent& event) {
  const Actor& actor = event.actor ? **event.actor : Actor{};
  if (event.verdict == "violation") violated(story, event.time);
  Counted counted = sort(story, event, actor);
  count(story, counted, event.count, event.time, event.path);
  remember(story, event.seq, std::move(counted));
}

void Collector::take_excess(Story& story, const StreamEvent& event) {
  const WallTime since =
      std::min(time_fact(event, "since").value_or(event.time), event.time);
  gaps_.add("beyond_share", console::container_name(story.report.info),
            {since, event.time});
  const bool counts = period_.contains(event.time);
  if (!event.verdict.empty()) {
    if (event.verdict == "violation") violated(story, since);
    const Actor& actor = event.actor ? **event.actor : Actor{};
    count(story, sort(story, event, actor), event.count, event.time, {});
    if (counts) story.report.not_itemized += event.count;
  } else if (event.kind == "state") {
    if (story.open()) story.timeline.set_late(since, Condition::unknown);
    take_state(story, event);
  } else if (is_of(event, Lifecycle::update_started) && counts) {
    story.report.updates_left_out += event.count;
  }
}

void Collector::take_repeats(Story& story, const StreamEvent& event) {
  for (const auto& repeat : event.repeats) {
    const auto at = story.counted.find(repeat.seq);
    if (at == story.counted.end()) continue;
    count(story, at->second, repeat.count, repeat.last, {});
  }
}

void Collector::remember(Story& story, std::uint64_t seq, Counted counted) {
  if (!story.counted.emplace(seq, std::move(counted)).second) return;
  counted_.emplace_back(&story, seq);
  if (counted_.size() <= kMostCounted) return;
  const auto [oldest, number] = counted_.front();
  oldest->counted.erase(number);
  counted_.pop_front();
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
  if (counted.hand.empty()) return;
  const auto at = story.hands.find(counted.hand);
  if (at == story.hands.end()) {
    story.report.changes_by_others += count;
    return;
  }
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

// By the reason that is given now.
ExceptionRow Collector::exception(const std::string& rule) {
  ExceptionRow row;
  row.rule = rule;
  row.reason = rules_[rule].reason;
  row.expires = rules_[rule].expires;
  return row;
}

void Collector::used(Story& story, const std::string& rule, std::uint64_t count,
                     WallTime time) {
  const ExceptionRow used = exception(rule);
  const std::string key = key_of(used);
  const auto [at, is_new] = node_.exceptions.try_emplace(key, used);
  ExceptionRow& row = at->second;
  if (is_new) row.first = row.last = time;
  row.first = std::min(row.first, time);
  row.last = std::max(row.last, time);
  row.changes += count;
  rule_users_[key].insert(stillframe::key_of(story.report.info));
}

SessionRow* Collector::session_of(Story& story, const Session& session,
                                  const Actor& actor, WallTime time) {
  if (const auto at = story.sessions.find(session.id);
      at != story.sessions.end()) {
    return &story.report.sessions[at->second];
  }
  if (!period_.contains(time)) return nullptr;
  if (story.report.sessions.size() >= kMostSessions) {
    story.more_sessions.insert(session.id);
    return nullptr;
  }
  SessionRow row;
  row.session = session;
  row.person = login_of(actor);
  if (kubernetes_ != nullptr) {
    if (auto user = kubernetes_->find(story.report.info, session)) {
      row.person = user->name;
      row.probable = user->probable;
      row.audit_id = user->audit_id;
    }
  }
  story.sessions.emplace(session.id, story.report.sessions.size());
  story.report.sessions.push_back(std::move(row));
  return &story.report.sessions.back();
}

void Collector::take_update(Story& story, const StreamEvent& event) {
  const Update& update = *event.update;
  if (const auto at = story.updates.find(update.id);
      at != story.updates.end()) {
    story.report.updates[at->second] = update;
    return;
  }
  if (!period_.contains(update.started)) return;
  if (story.report.updates.size() >= kMostUpdates) {
    story.more_updates.insert(update.id);
    return;
  }
  story.updates.emplace(update.id, story.report.updates.size());
  story.report.updates.push_back(update);
}

void Collector::take_replaced(Story& story, const StreamEvent& event) {
  if (!period_.contains(event.time)) return;
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

void Collector::nobody_watched(WallTime since) {
  for (const auto& story : stories_) {
    if (!story->open()) continue;
    story->timeline.set_late(since, Condition::unwatched);
  }
}

void Collector::begin_watching(const StreamEvent& event) {
  // What was counted before is never repeated: its numbers have ended, too.
  for (const auto& [story, seq] : counted_) story->counted.erase(seq);
  counted_.clear();
  Run run{
      .since = event.time, .version = fact(event, "version"), .sensors = {}};
  for (const auto& [name, value] : event.facts) {
    constexpr std::string_view kSensor = "sensor_";
    if (name.starts_with(kSensor)) {
      run.sensors[name.substr(kSensor.size())] = value;
    }
  }
  runs_.push_back(std::move(run));
  const auto since = stopped_ ? stopped_ : time_fact(event, "unwatched_since");
  stopped_.reset();
  if (!since) return;
  if (*since > event.time) {
    // How long it was nobody knows; that nobody watched is certain.
    for (const auto& story : stories_) {
      if (story->open()) {
        story->timeline.set(event.time, Condition::unwatched);
      }
    }
    gaps_.add("clock_set_back", "between two agents", {event.time, event.time});
    return;
  }
  nobody_watched(*since);
  const WallTime from = std::max(*since, period_.since);
  const WallTime to = std::min(event.time, period_.until);
  if (from < to) {
    node_.away_seconds += static_cast<double>(to.ns - from.ns) / 1e9;
    gaps_.add("agent_away", "no agent ran, until " + moment(to), {from, to});
  }
}

// All that are there were named since the agent's start: who was not is gone,
// since some time at which nobody watched.
void Collector::call_the_roll(const StreamEvent& event) {
  for (const auto& story : stories_) {
    if (story->open() && story->timeline.condition() == Condition::unwatched) {
      story->timeline.end(event.time);
    }
  }
}

void Collector::lose_journal(const StreamEvent& event) {
  const WallTime since = time_fact(event, "since").value_or(event.time);
  for (const auto& story : stories_) {
    if (!story->open() || (story->said && *story->said > since)) continue;
    story->state = Condition::unknown;
    story->timeline.set_late(since, story->condition());
  }
}

void Collector::take_policy(const StreamEvent& event) {
  PolicyRow row{.node = {},
                .time = event.time,
                .loaded = event.kind == "policy_loaded",
                .detail = event.detail,
                .sha256 = fact(event, "sha256")};
  if (period_.contains(event.time)) {
    node_.policies.push_back(std::move(row));
  } else if (row.loaded && event.time < period_.since) {
    policy_before_ = std::move(row);
  }
}

void Collector::take_agent(const StreamEvent& event) {
  gaps_.take(event);
  if (event.kind == "started") {
    begin_watching(event);
  } else if (event.kind == "stopped") {
    stopped_ = event.time;
  } else if (event.kind == "roll_call") {
    call_the_roll(event);
  } else if (event.kind == "journal_resumed") {
    lose_journal(event);
  } else if (event.kind == "policy_loaded" || event.kind == "policy_failed") {
    take_policy(event);
  } else if (event.kind == "policy_rule_used") {
    rules_[event.rule] = {event.detail, time_fact(event, "expires")};
  } else if (event.kind == "policy_rule_expired" &&
             event.time < period_.until) {
    const ExceptionRow row = exception(event.detail);
    node_.exceptions.try_emplace(key_of(row), row).first->second.expired =
        event.time;
  }
}

void Collector::finish_story(Story& story) {
  ContainerReport& report = story.report;
  report.stretches = story.timeline.within(node_.watched);
  if (report.stretches.empty() && report.changes.empty()) return;
  report.times = sum(report.stretches);
  report.begin = story.timeline.begin();
  report.end = story.timeline.end();
  // As it was at the end of the period.
  if (report.end && *report.end >= node_.watched.until) report.end.reset();
  auto& first = report.first_mutation;
  if (first && *first >= node_.watched.until) first.reset();
  for (const auto& stretch : report.stretches) {
    if (stretch.condition < Condition::stopped) {
      report.at_end = stretch.condition;
    }
  }
  for (auto& [key, hand] : story.hands) {
    if (hand.changes != 0) report.hands.push_back(std::move(hand));
  }
  std::stable_sort(
      report.hands.begin(), report.hands.end(),
      [](const Hand& a, const Hand& b) { return a.changes > b.changes; });
  report.hands_left_out = story.more_hands.size();
  report.sessions_left_out = story.more_sessions.size();
  report.updates_left_out += story.more_updates.size();
  node_.containers.push_back(std::move(report));
}

void Collector::finish_runs() {
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    const WallTime since = runs_[i].since;
    const WallTime until =
        i + 1 < runs_.size() ? runs_[i + 1].since : node_.watched.until;
    if (since >= period_.until || until < period_.since) continue;
    node_.version = runs_[i].version;
    node_.sensors = runs_[i].sensors;
    for (const auto& [name, how] : runs_[i].sensors) {
      if (how == "none") {
        gaps_.add("sensor_none", "the sensor '" + name + "' does not work",
                  {since, until});
      }
    }
  }
}

NodeReport Collector::finish(WallTime until, WallTime now) && {
  until = stopped_ ? *stopped_ : std::max(until, latest_);
  const WallTime end = std::min(period_.until, std::max(now, until));
  const WallTime begin = first_.value_or(end);
  node_.watched = {.since = std::min(std::max(begin, period_.since), end),
                   .until = end};
  if (begin.ns - period_.since.ns > kSilentNs && period_.since < end) {
    gaps_.add("no_journal", "the journal begins later",
              {period_.since, std::min(begin, end)});
  }
  if (first_ && until < end && (stopped_ || end.ns - until.ns > kSilentNs)) {
    nobody_watched(until);
    const WallTime from = std::max(until, period_.since);
    node_.away_seconds += static_cast<double>(end.ns - from.ns) / 1e9;
    gaps_.add("agent_away", "no agent ran, nor does one since", {from, end});
  }
  finish_runs();
  for (const auto& story : stories_) finish_story(*story);
  for (auto& [key, row] : node_.exceptions) {
    row.containers = rule_users_[key].size();
  }
  if (policy_before_) {
    node_.policies.insert(node_.policies.begin(), std::move(*policy_before_));
  }
  node_.gaps = std::move(gaps_).rows();
  return std::move(node_);
}

}  // namespace stillframe::report
