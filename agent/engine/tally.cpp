// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/tally.h"

namespace stillframe::engine {
namespace {

constexpr std::string_view kOther = "_other";

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
}

void Tally::update(const ContainerInfo& container, const std::string& tool) {
  const auto [name_space, workload] = workload_of(container);
  ++updates_[{name_space, workload, tool}];
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
