// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "agent/base/text.h"
#include "exporters/console/actor.h"
#include "exporters/console/console.h"
#include "exporters/console/update.h"

namespace stillframe::console {
namespace {

// Milliseconds are enough for eyes: 2026-11-22T12:00:00.123Z
std::string event_time(WallTime time) {
  return rfc3339(time).substr(0, 23) + 'Z';
}

}  // namespace

std::string event_line(const StreamEvent& event, const Style& style) {
  const bool judged = !event.verdict.empty();
  const std::string_view judgement = judged ? event.verdict : event.class_name;
  std::string out = paint(style, Color::dim, event_time(event.time));
  out += "  " + (event.container == nullptr ? std::string("agent")
                                            : container_name(*event.container));
  out +=
      "  " + paint(style, judged ? verdict_color(event.verdict) : Color::cyan,
                   display(judgement));
  out += ' ' + display(event.kind);
  if (!event.path.empty()) out += "  " + display(event.path);
  if (!event.from.empty()) out += " <- " + display(event.from);
  if (!event.detail.empty()) out += "  " + display(event.detail);
  for (const auto& [name, value] : event.facts) {
    out += "  " + name + '=' + display(value);
  }
  if (event.update) {
    const bool ended = event.update->ended.ns != 0;
    out += "  " + update_text(*event.update, ended);
  }
  if (event.count > 1) out += fmt::format(" x{}", event.count);
  if (event.actor) out += "  by " + who(**event.actor);
  return out + '\n';
}

}  // namespace stillframe::console
