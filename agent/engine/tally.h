// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "agent/model/snapshot.h"

namespace stillframe::engine {

// Counters that outlive containers: per workload and node. So many workloads
// have counters of their own; the rest counts under `_other`. When one more
// comes and there is no room, the one goes that has been idle for longest: no
// container of it was there for an hour, and nothing was counted. So those of
// an hour are bounded as well, whoever starts containers under new names; and
// where there is room no counter ever goes.
class Tally {
 public:
  explicit Tally(std::size_t max_workloads);

  void mutation(const ContainerInfo& container, const MutationEvent& event);
  // A run of a tool has begun to change the container.
  void update(const ContainerInfo& container, const std::string& tool);
  // A container of `container`'s workload was replaced.
  void replacement(const ContainerInfo& container, bool image_changed);
  // A mutated container is gone.
  void mutated_lifetime(double seconds);
  // Which containers there are. To be called now and then: looks once a minute.
  void look(const ContainerViews& present, std::uint64_t now_ns);
  void fill(Snapshot& snapshot) const;

 private:
  using Workload = std::pair<std::string, std::string>;  // namespace, name
  struct Use {
    bool counted = true;          // since the last look
    std::uint64_t latest_ns = 0;  // of the looks that found it in use
  };

  Workload workload_of(const ContainerInfo& container);
  bool make_room();

  const std::size_t max_workloads_;
  std::map<Workload, Use> workloads_;
  std::uint64_t looked_ns_ = 0;
  std::uint64_t oldest_ns_ = 0;  // no workload has been idle for longer
  std::map<MutationKey, std::uint64_t> mutations_;
  std::map<ToolKey, std::uint64_t> updates_;
  std::map<ReplacementKey, std::uint64_t> replacements_;
  Histogram lifetime_;
};

}  // namespace stillframe::engine
