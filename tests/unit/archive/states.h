// SPDX-License-Identifier: Apache-2.0
//
// Last states for tests, and the format that the agent has them in.
#pragma once

#include <string>

#include "agent/archive/format.h"
#include "agent/base/clock.h"
#include "exporters/jsonl/json.h"
#include "exporters/jsonl/last_state.h"
#include "exporters/listing.h"

namespace stillframe::archive::test {

class SetClock : public Clock {
 public:
  std::int64_t now_ns = 1'700'000'000'000'000'000;
  std::uint64_t boot_ns() const override {
    return static_cast<std::uint64_t>(now_ns);
  }
  std::uint64_t mono_ns() const override {
    return static_cast<std::uint64_t>(now_ns);
  }
  WallTime wall() const override { return {now_ns}; }
};

inline Format the_format() {
  return {jsonl::last_state_lines, jsonl::last_state_head,
          jsonl::last_state_rest};
}

inline Actor someone() {
  Actor actor;
  actor.origin = Origin::exec;
  actor.tool = "shell";
  actor.comm = "sh\n\xff";
  actor.exe = "/bin/sh";
  actor.pid = 7;
  actor.uid = 1000;
  actor.user = "ann";
  actor.login = Login{1000, 3, "ann"};
  actor.update = 12;
  actor.session = Session{.id = 9,
                          .first_cmd = "sh -c \"x\"",
                          .tty = "pts3",
                          .uid = 5,
                          .start = {1'600'000'000'000'000'123},
                          .ancestors = NameList({"sshd", "su\x1b"}),
                          .request_uid = "0-1"};
  return actor;
}

inline DiffAnswer state_of(const std::string& id, const std::string& name,
                           std::size_t changes, WallTime gone) {
  DiffAnswer answer;
  answer.container.info.id = id;
  answer.container.info.name = name;
  answer.container.info.image = "image-of-" + name;
  answer.container.info.runtime = "podman";
  answer.container.gone = true;
  answer.container.state =
      changes == 0 ? ContainerState::still : ContainerState::mutated;
  answer.container.ever_mutated = changes != 0;
  answer.gone = Gone{.since = gone, .as_of = gone};
  const ActorList actors{someone()};
  for (std::size_t i = 0; i < changes; ++i) {
    PathChange change;
    change.path = "/" + name + "/\xff\n" + std::to_string(i);
    if (i % 3 == 1) {
      change.from = std::make_shared<const SharedPath>("/from\x01");
    }
    change.kinds.add(Kind::file_create);
    if (i % 2 == 1) change.kinds.add(Kind::mode_change);
    change.change = i % 2 == 0 ? Change::added : Change::changed;
    change.mutation_class = Class::content;
    change.verdict = i % 4 == 3 ? Verdict::allowed : Verdict::violation;
    change.rule = i % 4 == 3 ? "a rule" : "";
    change.first_seen = {1'600'000'000'000'000'001};
    change.last_seen = {1'600'000'000'000'000'002};
    change.count = i + 1;
    change.actors = actors;
    change.actors_left_out = static_cast<std::uint32_t>(i % 2);
    change.shown_by_runtime = i % 5 != 0;
    answer.runtime_lines.push_back({change.change, change.path});
    answer.changes.push_back(change);
  }
  if (changes != 0) {
    Update update;
    update.id = 12;
    update.tool = "apt";
    update.command = "apt install x";
    update.started = {1'600'000'000'000'000'003};
    update.ended = {1'600'000'000'000'000'004};
    update.paths = changes;
    update.packages = {{"dpkg", "x", "1.2", false}};
    update.actor = SharedActor(someone());
    answer.updates.push_back(update);
  }
  return answer;
}

// All that is said of it, by the two forms that have everything.
inline std::string told(const DiffAnswer& answer) {
  std::string text = whole(jsonl::diff_listing(answer));
  for (const auto& line : answer.runtime_lines) text += '\n' + line.text();
  return text;
}

}  // namespace stillframe::archive::test
