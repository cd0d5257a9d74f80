// SPDX-License-Identifier: Apache-2.0
#include "exporters/socket/event_filter.h"

#include <algorithm>
#include <utility>

#include "agent/base/text.h"
#include "agent/model/container_name.h"

namespace stillframe::socket_api {
namespace {

bool is_wanted(const std::string& wanted, std::string_view is) {
  return wanted.empty() || wanted == is;
}

bool is_plain(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
           (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.';
  });
}

bool of_container(const StreamEvent& event, const std::string& container) {
  return event.container != nullptr &&
         (answers_to(*event.container, container) ||
          starts_with(event.container->id, container));
}

}  // namespace

bool EventFilter::takes_all() const {
  return container.empty() && class_name.empty() && kind.empty() &&
         verdict.empty() && origin.empty() && tool.empty() && !path && !since &&
         !until && after == 0;
}

TextFilter::TextFilter(const EventFilter& filter) {
  // Each part of NAMESPACE/POD/CONTAINER is somewhere in the entry, as it is
  // where JSON escapes nothing in it.
  for (auto& part : split(filter.container, '/')) {
    if (is_plain(part)) needles_.push_back(std::move(part));
  }
  for (const auto& [name, value] :
       {std::pair("class", &filter.class_name), std::pair("kind", &filter.kind),
        std::pair("verdict", &filter.verdict),
        std::pair("origin", &filter.origin), std::pair("tool", &filter.tool)}) {
    if (!is_plain(*value)) continue;
    needles_.push_back(std::string("\"") + name + "\":\"" + *value + '"');
  }
}

bool TextFilter::may_want(std::string_view line) const {
  return std::all_of(needles_.begin(), needles_.end(), [&](const auto& needle) {
    return line.find(needle) != std::string_view::npos;
  });
}

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
