// SPDX-License-Identifier: Apache-2.0
#include "exporters/journald/entry.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "agent/base/utf8.h"
#include "exporters/console/console.h"
#include "exporters/jsonl/json.h"

namespace stillframe::journald {
namespace {

// For eyes: the fields have all of it.
constexpr std::size_t kMostMessage = 16 << 10;
// More than any path or name that the kernel takes at once.
constexpr std::size_t kMostField = 16 << 10;

// As in syslog(3).
constexpr std::string_view kCritical = "2";
constexpr std::string_view kWarning = "4";
constexpr std::string_view kInformational = "6";

std::string_view priority_of(const StreamEvent& event) {
  // Of the agent: what it could not do or see.
  constexpr std::array kTroubles = {"events_lost",      "sensor_gap",
                                    "state_damaged",    "policy_failed",
                                    "journal_repaired", "journal_damaged"};
  if (event.class_name == "agent") {
    const bool trouble = std::find(kTroubles.begin(), kTroubles.end(),
                                   event.kind) != kTroubles.end();
    return trouble ? kWarning : kInformational;
  }
  if (event.verdict != "violation") return kInformational;
  const bool of_program =
      event.class_name == "code" || event.class_name == "memory";
  return of_program ? kCritical : kWarning;
}

void add(std::string& entry, std::string_view name, std::string_view value) {
  entry += name;
  entry += '\n';
  for (std::size_t byte = 0; byte < sizeof(std::uint64_t); ++byte) {
    entry += static_cast<char>(std::uint64_t{value.size()} >> (8 * byte));
  }
  entry += value;
  entry += '\n';
}

// A part of a path would be another path.
void add_known(std::string& entry, std::string_view name,
               std::string_view value) {
  if (!value.empty() && value.size() <= kMostField) add(entry, name, value);
}

std::string_view user_of(const Actor& actor) {
  const bool logged_in = actor.login && !actor.login->user.empty();
  return logged_in ? actor.login->user : actor.user;
}

}  // namespace

std::string to_entry(const StreamEvent& event, std::string_view node) {
  std::string line = console::event_line(event, {});
  line.pop_back();  // its newline
  std::string entry;
  add(entry, "MESSAGE", cut_utf8(line, kMostMessage));
  add(entry, "PRIORITY", priority_of(event));
  add(entry, "SYSLOG_IDENTIFIER", "stillframe");
  add(entry, "STILLFRAME_SEQ", std::to_string(event.seq));
  add_known(entry, "STILLFRAME_CLASS", event.class_name);
  add_known(entry, "STILLFRAME_KIND", event.kind);
  add_known(entry, "STILLFRAME_VERDICT", event.verdict);
  if (event.container) {
    const ContainerInfo& container = *event.container;
    add_known(entry, "STILLFRAME_CONTAINER_ID", container.id);
    add_known(entry, "STILLFRAME_CONTAINER_NAME", container.name);
    add_known(entry, "STILLFRAME_WORKLOAD", container.workload);
  }
  add_known(entry, "STILLFRAME_PATH", event.path);
  if (event.actor) {
    const Actor& actor = **event.actor;
    add_known(entry, "STILLFRAME_ORIGIN", to_string(actor.origin));
    add_known(entry, "STILLFRAME_TOOL", actor.tool);
    add_known(entry, "STILLFRAME_USER", user_of(actor));
  }
  std::string json;
  add(json, "STILLFRAME_EVENT", jsonl::event_json(event, node));
  if (entry.size() + json.size() <= kMostEntry) entry += json;
  return entry;
}

}  // namespace stillframe::journald
