// SPDX-License-Identifier: Apache-2.0
#include "exporters/socket/event_filter.h"

#include "agent/base/text.h"
#include "agent/model/container_name.h"

namespace stillframe::socket_api {
namespace {

bool is_wanted(const std::string& wanted, std::string_view is) {
  return wanted.empty() || wanted == is;
}

bool of_container(const StreamEvent& event, const std::string& container) {
  return event.container != nullptr &&
         (answers_to(*event.container, container) ||
          starts_with(event.container->id, container));
}

}  // namespace

bool EventFilter::wants(const StreamEvent& event) const {
  if (event.seq <= after) return false;
  if (since && event.time < *since) return false;
  if (until && *until < event.time) return false;
  if (!is_wanted(class_name, event.class_name) ||
      !is_wanted(kind, event.kind) || !is_wanted(verdict, event.verdict)) {
    return false;
  }
  if (path && !path->matches(event.path) && !path->matches(event.from)) {
    return false;
  }
  if (!container.empty() && !of_container(event, container)) return false;
  if (origin.empty() && tool.empty()) return true;
  return event.actor && is_wanted(origin, to_string((*event.actor)->origin)) &&
         is_wanted(tool, (*event.actor)->tool);
}

}  // namespace stillframe::socket_api
