// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/tally.h"

#include <algorithm>
#include <tuple>

namespace stillframe::engine {
namespace {

constexpr std::string_view kOther = "_other";
constexpr std::uint64_t kLookEveryNs = 60'000'000'000;
constexpr std::uint64_t kIdleNs = 60 * kLookEveryNs;

}  // namespace

Tally::Tally(std::size_t max_workloads) : max_workloads_(max_workloads) {
  // From "replaced at once" to "lives on for weeks".
  lifetime_.bounds = {10, 60, 300, 900, 3600, 14400, 86400, 604800};
  lifetime_.counts.assign(lifetime_.bounds.size() + 1, 0);
}

Tally::Workload Tally::workload_of(const ContainerInfo& container) {
  Workload workload{container.pod_namespace, container.workload};
  if (const auto at = workloads_.find(workload); at != workloads_.end()) {
    at->second.counted = true;
    return workload;
  }
  if (workloads_.size() >= max_workloads_ && !make_room()) {
    return {"", std::string(kOther)};
  }
  workloads_.emplace(workload, Use{.counted = true, .latest_ns = looked_ns_});
  oldest_ns_ = std::min(oldest_ns_, looked_ns_);
  return workload;
}

// By the looks alone, so that without a candidate it takes no search.
bool Tally::make_room() {
  if (looked_ns_ - oldest_ns_ < kIdleNs) return false;
  const auto idlest = std::min_element(
      workloads_.begin(), workloads_.end(), [](const auto& a, const auto& b) {
        return std::pair(a.second.counted, a.second.latest_ns) <
               std::pair(b.second.counted, b.second.latest_ns);
      });
  oldest_ns_ = idlest->second.latest_ns;
  if (idlest->second.counted || looked_ns_ - oldest_ns_ < kIdleNs) {
    oldest_ns_ = looked_ns_;  // until the next look
    return false;
  }
  const Workload gone = idlest->first;
  workloads_.erase(idlest);
  const auto is_of_it = [&](const auto& counter) {
    return std::get<0>(counter.first) == gone.first &&
           std::get<1>(counter.first) == gone.second;
  };
  std::erase_if(mutations_, is_of_it);
  std::erase_if(updates_, is_of_it);
  std::erase_if(replacements_, is_of_it);
  return true;
}

void Tally::look(const ContainerViews& present, std::uint64_t now_ns) {
  if (looked_ns_ != 0 && now_ns - looked_ns_ < kLookEveryNs) return;
  looked_ns_ = now_ns;
  oldest_ns_ = now_ns;
  for (const auto& view : present) {
    const auto at =
        workloads_.find({view.info.pod_namespace, view.info.workload});
    if (at != workloads_.end()) at->second.counted = true;
  }
  for (auto& [workload, use] : workloads_) {
    if (use.counted) use = {.counted = false, .latest_ns = now_ns};
    oldest_ns_ = std::min(oldest_ns_, use.latest_ns);
  }
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
