// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/tally.h"

namespace stillframe::engine {
namespace {

constexpr std::string_view kOther = "_other";
constexpr std::size_t kMaxUpdaters = 4096;

// Tools on the host come as several processes (podman cp starts itself again):
// changes this close together are one update.
constexpr std::int64_t kOneUpdateNs = 10'000'000'000;

}  // namespace

Tally::Tally() {
  // From "replaced at once" to "lives on for weeks".
  lifetime_.bounds = {10, 60, 300, 900, 3600, 14400, 86400, 604800};
  lifetime_.counts.assign(lifetime_.bounds.size() + 1, 0);
}

Tally::Workload Tally::workload_of(const ContainerInfo& container) {
  Workload workload{container.pod_namespace, container.workload};
  if (workloads_.contains(workload)) return workload;
  if (workloads_.size() >= kMaxWorkloads) return {"", std::string(kOther)};
  workloads_.insert(workload);
  return workload;
}

void Tally::mutation(const ContainerInfo& container,
                     const MutationEvent& event) {
  const auto [name_space, workload] = workload_of(container);
  mutations_[{name_space, workload, event.kind, event.actor->origin,
              event.verdict}] += event.count;
  if (event.actor->tool.empty() || event.verdict != Verdict::violation ||
      event.actor->origin == Origin::workload) {
    return;
  }
  if (last_update_.size() >= kMaxUpdaters) last_update_.clear();
  auto& last = last_update_[container.id];
  const std::uint64_t session =
      event.actor->session ? event.actor->session->id : 0;
  const bool same =
      last.tool == event.actor->tool && last.session == session &&
      (session != 0 || event.time.ns - last.seen.ns < kOneUpdateNs);
  last = {event.actor->tool, session, event.time};
  if (same) return;
  ++updates_[{name_space, workload, event.actor->tool}];
}

void Tally::replacement(const ContainerInfo& container, bool image_changed) {
  const auto [name_space, workload] = workload_of(container);
  ++replacements_[{name_space, workload, image_changed}];
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
  snapshot.replacements = replacements_;
  snapshot.mutated_lifetime = lifetime_;
}

}  // namespace stillframe::engine
