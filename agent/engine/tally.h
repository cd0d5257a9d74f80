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
  // The latest update counted: (container, session or process, tool).
  std::map<std::string, std::pair<std::uint64_t, std::string>> last_update_;
  Histogram lifetime_;
};

}  // namespace stillframe::engine
