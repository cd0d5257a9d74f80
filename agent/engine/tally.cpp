// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/tally.h"

namespace stillframe::engine {
namespace {

constexpr std::string_view kOther = "_other";
constexpr std::size_t kMaxUpdaters = 4096;

// What makes one update one: all that came through the same exec; from
// elsewhere, the same process.
std::uint64_t updater_of(const Actor& actor) {
  return actor.session ? actor.session->id : actor.pid;
}

}  // namespace

Tally::Tally() {
  // From "replaced at once" to "lives on for weeks".
  lifetime_.bounds = {10, 60, 300, 900, 3600, 14400, 86400, 604800};
  lifetime_.counts.assign(lifetime_.bounds.size() + 1, 0);
}

Tally::Workload Tally::workload_of(const ContainerInfo& container) {
  Workload workload{container.pod_namespace, container.workload};
  if (workloads_.count(workload) != 0) return workload;
  if (workloads_.size() >= kMaxWorkloads) return {"", std::string(kOther)};
  workloads_.insert(workload);
  return workload;
}

void Tally::mutation(const ContainerInfo& container,
                     const MutationEvent& event) {
  const auto [name_space, workload] = workload_of(container);
  mutations_[{name_space, workload, event.kind, event.actor.origin,
              event.verdict}] += event.count;
  if (event.actor.tool.empty() || event.verdict != Verdict::violation ||
      event.actor.origin == Origin::workload) {
    return;
  }
  if (last_update_.size() >= kMaxUpdaters) last_update_.clear();
  const auto update = std::make_pair(updater_of(event.actor), event.actor.tool);
  auto& last = last_update_[container.id];
  if (last == update) return;
  last = update;
  ++updates_[{name_space, workload, event.actor.tool}];
}

void Tally::mutated_lifetime(double seconds) {
  std::size_t bucket = 0;
  while (bucket < lifetime_.bounds.size() &&
         seconds > lifetime_.bounds[bucket]) {
    ++bucket;
  }
  ++lifetime_.counts[bucket];
  lifetime_.sum += seconds;
}

void Tally::fill(Snapshot& snapshot) const {
  snapshot.mutations = mutations_;
  snapshot.in_place_updates = updates_;
  snapshot.mutated_lifetime = lifetime_;
}

}  // namespace stillframe::engine
