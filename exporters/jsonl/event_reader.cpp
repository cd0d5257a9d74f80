// SPDX-License-Identifier: Apache-2.0
#include "exporters/jsonl/event_reader.h"

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "agent/base/text.h"

namespace stillframe::jsonl {
namespace {

using nlohmann::json;

// A member that may not be there, or be of another type than it should.
const json& member(const json& object, const char* name) {
  static const json kNull;
  if (!object.is_object()) return kNull;
  const auto at = object.find(name);
  return at == object.end() ? kNull : *at;
}

std::string bytes(const json& value) {
  return value.is_string() ? json_bytes(value.get_ref<const std::string&>())
                           : std::string();
}

std::string text(const json& object, const char* name) {
  return bytes(member(object, name));
}

template <typename Number = std::uint64_t>
Number number(const json& object, const char* name) {
  const json& value = member(object, name);
  return value.is_number_unsigned() ? value.get<Number>() : Number{};
}

bool flag(const json& object, const char* name) {
  return member(object, name) == true;
}

WallTime time_of(const json& object, const char* name) {
  return parse_rfc3339(text(object, name)).value_or(WallTime{});
}

NameList names_of(const json& list) {
  NameList::All all;
  if (list.is_array()) {
    for (const auto& name : list) all.push_back(bytes(name));
  }
  return NameList(std::move(all));
}

ContainerInfo container_of(const json& value) {
  ContainerInfo info;
  info.id = text(value, "id");
  info.name = text(value, "name");
  info.image = text(value, "image");
  info.image_id = text(value, "image_id");
  info.runtime = text(value, "runtime");
  info.space = text(value, "containerd_namespace");
  info.outer = text(value, "outer");
  info.pod_namespace = text(value, "namespace");
  info.pod = text(value, "pod");
  info.pod_container = text(value, "pod_container");
  info.workload = text(value, "workload");
  info.sandbox = flag(value, "sandbox");
  return info;
}

Session session_of(const json& value) {
  Session session;
  session.id = number(value, "id");
  session.first_cmd = text(value, "first_cmd");
  session.tty = text(value, "tty");
  session.uid = number<std::uint32_t>(value, "uid");
  session.start = time_of(value, "start");
  session.ancestors = names_of(member(value, "ancestors"));
  session.request_uid = text(value, "request_uid");
  return session;
}

Actor actor_of(const json& value) {
  Actor actor;
  actor.origin =
      origin_from(text(value, "origin")).value_or(Origin::unattributed);
  actor.tool = text(value, "tool");
  actor.comm = text(value, "comm");
  actor.exe = text(value, "exe");
  actor.pid = number<std::uint32_t>(value, "pid");
  actor.uid = number<std::uint32_t>(value, "uid");
  actor.user = text(value, "user");
  if (member(value, "login_uid").is_number_unsigned()) {
    actor.login =
        Login{.uid = number<std::uint32_t>(value, "login_uid"),
              .session = number<std::uint32_t>(value, "audit_session"),
              .user = text(value, "login_user")};
  }
  const json& session = member(value, "session");
  if (session.is_object()) actor.session = session_of(session);
  actor.ancestors = names_of(member(value, "ancestors"));
  actor.ambiguous = flag(value, "ambiguous");
  actor.update = number(value, "update");
  return actor;
}

Update update_of(const json& detail) {
  Update update;
  update.id = number(detail, "id");
  update.tool = text(detail, "tool");
  update.command = text(detail, "command");
  update.started = time_of(detail, "started");
  update.ended = time_of(detail, "ended");
  update.paths = number(detail, "paths");
  update.more_paths = flag(detail, "more_paths");
  const json& packages = member(detail, "packages");
  if (packages.is_array()) {
    for (const auto& one : packages) {
      update.packages.push_back({.manager = text(one, "manager"),
                                 .name = text(one, "name"),
                                 .version = text(one, "version"),
                                 .removed = flag(one, "removed")});
    }
  }
  return update;
}

void add_detail(StreamEvent& event, const json& detail) {
  if (!detail.is_object()) return;
  if (starts_with(event.kind, "update_")) {
    event.update = std::make_shared<const Update>(update_of(detail));
    return;
  }
  for (const auto& [name, value] : detail.items()) {
    if (name == "text") {
      event.detail = bytes(value);
    } else if (name == "count") {
      if (value.is_number_unsigned()) event.count = value.get<std::uint64_t>();
    } else if (name == "repeats" && value.is_array()) {
      for (const auto& one : value) {
        event.repeats.push_back({.seq = number(one, "seq"),
                                 .count = number(one, "count"),
                                 .last = time_of(one, "last")});
      }
    } else if (value.is_string()) {
      event.facts[name] = bytes(value);
    }
  }
}

// Of the vocabulary, whose names outlive everything.
template <std::size_t N>
std::string_view known(const std::array<std::string_view, N>& names,
                       const std::string& name) {
  for (const auto one : names) {
    if (one == name) return one;
  }
  return {};
}

std::string_view class_named(const std::string& name) {
  const auto of_mutation = known(kClassNames, name);
  if (!of_mutation.empty()) return of_mutation;
  return name == "lifecycle" ? std::string_view("lifecycle")
                             : std::string_view("agent");
}

}  // namespace

std::optional<StreamEvent> event_from_json(std::string_view line) {
  const auto parsed = parse_json(line);
  if (!parsed || !parsed->is_object()) return std::nullopt;
  const json& value = *parsed;
  StreamEvent event;
  event.kind = text(value, "kind");
  if (event.kind.empty()) return std::nullopt;
  event.seq = number(value, "seq");
  event.time = time_of(value, "time");
  event.class_name = class_named(text(value, "class"));
  event.verdict = known(kVerdictNames, text(value, "verdict"));
  event.rule = text(value, "rule");
  event.path = text(value, "path");
  event.from = text(value, "from");
  const json& container = member(value, "container");
  if (container.is_object()) {
    event.container =
        std::make_shared<const ContainerInfo>(container_of(container));
  }
  add_detail(event, member(value, "detail"));
  const json& actor = member(value, "actor");
  if (actor.is_object()) event.actor = SharedActor(actor_of(actor));
  if (event.update) {
    Update update = *event.update;
    if (event.actor) update.actor = *event.actor;
    event.update = std::make_shared<const Update>(std::move(update));
  }
  return event;
}

}  // namespace stillframe::jsonl
