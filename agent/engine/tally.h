// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "agent/model/snapshot.h"

namespace stillframe::engine {

// Counters that outlive containers: per workload and node. Workloads are
// capped; the rest counts under `_other`.
class Tally {
 public:
  Tally();

  void mutation(const ContainerInfo& container, const MutationEvent& event);
  // A run of a tool has begun to change the container.
  void update(const ContainerInfo& container, const std::string& tool);
  // A container of `container`'s workload was replaced.
  void replacement(const ContainerInfo& container, bool image_changed);
  // A mutated container is gone.
  void mutated_lifetime(double seconds);
  void fill(Snapshot& snapshot) const;

 private:
  static constexpr std::size_t kMaxWorkloads = 1000;
  using Workload = std::pair<std::string, std::string>;  // namespace, name

  Workload workload_of(const ContainerInfo& container);

  std::set<Workload> workloads_;
  std::map<MutationKey, std::uint64_t> mutations_;
  std::map<ToolKey, std::uint64_t> updates_;
  std::map<ReplacementKey, std::uint64_t> replacements_;
  Histogram lifetime_;
};

}  // namespace stillframe::engine
