// SPDX-License-Identifier: Apache-2.0
#include "exporters/jsonl/value_reader.h"

#include <utility>

#include "agent/base/text.h"

namespace stillframe::jsonl {

using nlohmann::json;

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

bool flag(const json& object, const char* name) {
  return member(object, name) == true;
}

WallTime time_of(const json& object, const char* name) {
  return parse_rfc3339(text(object, name)).value_or(WallTime{});
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

namespace {

NameList names_of(const json& list) {
  NameList::All all;
  if (list.is_array()) {
    for (const auto& name : list) all.push_back(bytes(name));
  }
  return NameList(std::move(all));
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

}  // namespace

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

Update update_of(const json& value) {
  Update update;
  update.id = number(value, "id");
  update.tool = text(value, "tool");
  update.command = text(value, "command");
  update.started = time_of(value, "started");
  update.ended = time_of(value, "ended");
  update.paths = number(value, "paths");
  update.more_paths = flag(value, "more_paths");
  const json& packages = member(value, "packages");
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

}  // namespace stillframe::jsonl
