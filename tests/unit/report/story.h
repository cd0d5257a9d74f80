// SPDX-License-Identifier: Apache-2.0
//
// Events as an agent records them, a second apart.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "exporters/agent_api.h"
#include "exporters/report/collector.h"

namespace stillframe::report {

inline WallTime at(std::int64_t second) {
  return {(1'767'225'600 + second) * 1'000'000'000};  // 2026-01-01
}
constexpr std::int64_t kSecond = 1'000'000'000;

inline Actor by_exec(std::uint64_t session, const std::string& command,
                     WallTime start) {
  Actor actor;
  actor.origin = Origin::exec;
  actor.tool = "shell";
  actor.session.emplace();
  actor.session->id = session;
  actor.session->first_cmd = command;
  actor.session->start = start;
  return actor;
}

// Writes a journal's events, and has them collected.
class Teller {
 public:
  explicit Teller(Period period = {at(0), at(1000)},
                  const KubernetesAudit* kubernetes = nullptr)
      : collector_(period, kubernetes) {}

  ContainerInfo container = [] {
    ContainerInfo info;
    info.id = "3f2a";
    info.name = "web";
    info.workload = "web";
    info.image = "shop:1";
    info.image_id = "aaaa";
    return info;
  }();

  StreamEvent event(std::int64_t second, std::string_view class_name,
                    std::string kind) {
    StreamEvent out;
    out.seq = ++seq_;
    out.time = at(second);
    out.class_name = class_name;
    out.kind = std::move(kind);
    return out;
  }
  void agent(std::int64_t second, std::string kind, std::string detail = "",
             std::map<std::string, std::string> facts = {}) {
    StreamEvent out = event(second, "agent", std::move(kind));
    out.detail = std::move(detail);
    out.facts = std::move(facts);
    collector_.take(out);
  }
  void life(std::int64_t second, Lifecycle kind,
            std::map<std::string, std::string> facts = {}) {
    StreamEvent out = of_container(second, "lifecycle", to_string(kind));
    out.facts = std::move(facts);
    collector_.take(out);
  }
  void state(std::int64_t second, Condition condition,
             std::map<std::string, std::string> facts = {}) {
    StreamEvent out = of_container(second, "agent", "state");
    out.facts = std::move(facts);
    out.facts["state"] = to_string(condition);
    collector_.take(out);
  }
  // Counted from second `since` on, and not kept one by one.
  void excess(std::int64_t second, std::int64_t since,
              std::string_view class_name, std::string_view kind,
              std::uint64_t count, std::string_view verdict = "",
              std::map<std::string, std::string> facts = {}) {
    StreamEvent out = of_container(second, class_name, kind);
    out.verdict = verdict;
    out.detail = "more than its share";
    out.facts = std::move(facts);
    out.facts["since"] = rfc3339(at(since));
    out.count = count;
    collector_.take(out);
  }
  // Its number.
  std::uint64_t change(std::int64_t second, std::string path, Actor actor,
                       std::string_view verdict = "violation",
                       std::string rule = "") {
    StreamEvent out = of_container(second, "content", "file_write");
    out.verdict = verdict;
    out.rule = std::move(rule);
    out.path = std::move(path);
    out.actor = SharedActor(std::move(actor));
    collector_.take(out);
    return out.seq;
  }
  void repeat(std::int64_t second, std::uint64_t seq, std::uint64_t count) {
    StreamEvent out = of_container(second, "agent", "repeats");
    out.repeats.push_back({.seq = seq, .count = count, .last = at(second)});
    collector_.take(out);
  }
  void take(const StreamEvent& event) { collector_.take(event); }
  StreamEvent of_container(std::int64_t second, std::string_view class_name,
                           std::string_view kind) {
    StreamEvent out = event(second, class_name, std::string(kind));
    out.container = std::make_shared<const ContainerInfo>(container);
    return out;
  }
  // The journal goes that far; as of `now`, or then.
  NodeReport finish(std::int64_t second,
                    std::optional<std::int64_t> now = std::nullopt) {
    return std::move(collector_).finish(at(second), at(now.value_or(second)));
  }

 private:
  Collector collector_;
  std::uint64_t seq_ = 0;
};

}  // namespace stillframe::report
