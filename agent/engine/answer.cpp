// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/answer.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

namespace stillframe::engine {
namespace {

// Those of which changes are left, and how many; of one that began before the
// agent did no more is known than its tool and who was seen.
std::vector<Update> updates_of(const Container& container,
                               const ChangeList& changes) {
  std::map<std::uint64_t, Update> found;
  for (auto& update : container.updates()) {
    update.paths = 0;
    update.more_paths = false;
    found[update.id] = std::move(update);
  }
  const void* last = nullptr;
  std::vector<std::uint64_t> ids;
  for (const auto& change : changes) {
    if (change.verdict != Verdict::violation || change.actors.empty()) continue;
    if (change.actors.id() != last) {
      ids.clear();
      last = change.actors.id();
      for (const auto& actor : change.actors) {
        if (actor.update == 0 || actor.origin == Origin::workload ||
            std::find(ids.begin(), ids.end(), actor.update) != ids.end()) {
          continue;
        }
        ids.push_back(actor.update);
        Update& update = found[actor.update];
        if (update.id != 0) continue;
        update.id = actor.update;
        update.tool = actor.tool;
        update.started = update.ended = change.first_seen;
        update.actor = SharedActor(actor);
      }
    }
    for (const std::uint64_t id : ids) ++found[id].paths;
  }
  std::vector<Update> updates;
  for (auto& [id, update] : found) {
    if (update.paths != 0) updates.push_back(std::move(update));
  }
  std::stable_sort(
      updates.begin(), updates.end(),
      [](const auto& a, const auto& b) { return a.started < b.started; });
  return updates;
}

}  // namespace

DiffAnswer answer_about(Container& container, DiffPart part) {
  DiffAnswer answer;
  if (part == DiffPart::changes) {
    answer.changes = container.diff();
    answer.updates = updates_of(container, answer.changes);
  }
  if (part == DiffPart::runtime_lines) {
    answer.runtime_lines = container.runtime_lines();
  }
  answer.container = *container.view();
  answer.complete = answer.container.complete;
  return answer;
}

DiffAnswer last_state_of(Container& container, const Gone& gone) {
  DiffAnswer answer = answer_about(container, DiffPart::changes);
  answer.runtime_lines = container.runtime_lines();
  answer.gone = gone;
  return answer;
}

}  // namespace stillframe::engine
