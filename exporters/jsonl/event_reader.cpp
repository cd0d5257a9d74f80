// SPDX-License-Identifier: Apache-2.0
#include "exporters/jsonl/event_reader.h"

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "agent/base/text.h"
#include "exporters/jsonl/value_reader.h"

namespace stillframe::jsonl {
namespace {

using nlohmann::json;

void add_detail(StreamEvent& event, const json& detail) {
  if (!detail.is_object()) return;
  // Of updates that were only counted there is none.
  if (starts_with(event.kind, "update_") && detail.contains("id")) {
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
