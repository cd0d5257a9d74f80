// SPDX-License-Identifier: Apache-2.0
//
// Who is in a container: its cgroups, and the processes in them.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "agent/containers/cgroup_tree.h"
#include "agent/containers/container_source.h"
#include "agent/containers/process.h"

namespace stillframe::containers {

class Membership {
 public:
  Membership(const CgroupTree& tree, const Proc& proc)
      : tree_(tree), proc_(proc) {}

  // See ContainerSource.
  Result<std::vector<ContainerSource::Member>> members(
      const ContainerRecord& record) const;
  Result<std::vector<std::uint64_t>> cgroups(
      const ContainerRecord& record) const;

 private:
  using Processes = std::map<std::uint32_t, ContainerSource::Member>;  // by pid

  // The container's own cgroup first; empty once it is gone.
  Result<std::vector<Cgroup>> below(const ContainerRecord& record) const;
  // Those of `pids`, which are in `cgroup`, that are still there.
  Result<void> add(const std::vector<std::uint32_t>& pids, std::uint64_t cgroup,
                   Processes& found) const;
  Result<void> add_moved(const ContainerRecord& record, Processes& found) const;
  bool is_anothers(std::uint32_t pid, const Process& init) const;

  const CgroupTree& tree_;
  const Proc& proc_;
};

}  // namespace stillframe::containers
