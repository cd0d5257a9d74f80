// SPDX-License-Identifier: Apache-2.0
//
// Containers without a cgroup of their own: those that a user without rights to
// any makes on a host with both kinds of hierarchies, and those whose runtime
// was asked to make none. Their processes are in the root cgroup, with the
// host's.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "agent/containers/cgroup_tree.h"
#include "agent/containers/process.h"
#include "agent/model/container.h"

namespace stillframe::containers {

// What stands for the cgroup of one: no number that a cgroup has. What descends
// from its processes is known by it, wherever it is.
std::uint64_t cgroupless_id(const Process& init);
bool is_cgroupless(std::uint64_t cgroup);

// The first processes of pid and mount namespaces of their own in the root
// cgroup, but for those in mount namespaces that are `known`.
Listing<Process> cgroupless_inits(const CgroupTree& tree, const Proc& proc,
                                  std::set<std::uint64_t> known);

// Those in a mount namespace that are in the cgroup at a path.
Result<std::vector<std::uint32_t>> members_by_mounts(const CgroupTree& tree,
                                                     const Proc& proc,
                                                     const std::string& cgroup,
                                                     std::uint64_t mount_ns);

// Those of such a container.
Result<std::vector<std::uint32_t>> cgroupless_members(
    const CgroupTree& tree, const Proc& proc, const ContainerRecord& record);

// Looks at each process of the root cgroup once: whose first it is, it is from
// its beginning. A container's has the host's root until its runtime is done.
class CgrouplessWatch {
 public:
  // Whether there is an init that was not there at the last call.
  bool began(const CgroupTree& tree, const Proc& proc);

 private:
  std::set<std::uint32_t> seen_;
};

}  // namespace stillframe::containers
