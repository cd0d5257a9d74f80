// SPDX-License-Identifier: Apache-2.0
#include "exporters/report/gaps.h"

#include <algorithm>
#include <array>

#include "exporters/agent_api.h"

namespace stillframe::report {
namespace {

constexpr std::int64_t kDayNs = 86'400 * std::int64_t{1'000'000'000};

struct KindOfGap {
  std::string_view kind;
  std::string_view hides;
};
constexpr std::array kKinds = {
    KindOfGap{"agent_away",
              "Nobody watched. What was left changed was found by comparing "
              "with the image, once an agent ran again; what was changed and "
              "changed back, containers that came and went, and who did it "
              "were not seen."},
    KindOfGap{"no_journal", "All: nothing of that time is on record here."},
    KindOfGap{"clock_set_back",
              "How long things took: times before and after do not fit."},
    KindOfGap{"sensor_none",
              "All that only this sensor sees; docs/coverage.md says what."},
    KindOfGap{"events_lost",
              "Who made some changes, and changes that were undone at once. "
              "What was left changed was found by comparing."},
    KindOfGap{"sensor_gap",
              "Single changes of one container, and who made them. What was "
              "left changed was found by comparing."},
    KindOfGap{"beyond_share",
              "Paths and times of single changes. How many of which kind is "
              "counted."},
    KindOfGap{"state_damaged",
              "What had been known of a container before: who had changed it, "
              "and when."},
    KindOfGap{"journal_repaired", "Entries of that time may be missing."},
    KindOfGap{"journal_damaged", "Entries of that time may be missing."},
    KindOfGap{"journal_resumed",
              "All that happened meanwhile: the journal could not be written. "
              "Containers are unknown from there until their state was said "
              "again."}};

}  // namespace

void Gaps::take(const StreamEvent& event) {
  for (const auto& [kind, hides] : kKinds) {
    if (event.kind != kind) continue;
    WallTime since = event.time;
    if (const auto at = event.facts.find("since"); at != event.facts.end()) {
      const auto said = parse_rfc3339(at->second);
      if (said && said->ns >= 0) since = std::min(*said, since);
    }
    add(kind, event.detail, {since, event.time});
  }
}

void Gaps::add(std::string_view kind, const std::string& what, Period when) {
  if (when.until < period_.since || when.since >= period_.until) return;
  when.since = std::max(when.since, period_.since);
  when.until = std::min(when.until, period_.until);
  std::string key(kind);
  if (rows_.size() < kMost) {
    key += '\0' + what + '\0' + std::to_string(when.since.ns / kDayNs);
  }
  const auto [at, is_new] = known_.try_emplace(key, rows_.size());
  if (!is_new) {
    GapRow& row = rows_[at->second];
    row.since = std::min(row.since, when.since);
    row.until = std::max(row.until, when.until);
    ++row.times;
    return;
  }
  GapRow row{.node = {},
             .kind = std::string(kind),
             .what = what,
             .hides = {},
             .since = when.since,
             .until = when.until};
  for (const auto& [name, hides] : kKinds) {
    if (name == kind) row.hides = hides;
  }
  rows_.push_back(std::move(row));
}

}  // namespace stillframe::report
