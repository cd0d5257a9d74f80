// SPDX-License-Identifier: Apache-2.0
//
// The observed hierarchy as directories. A cgroup's id is its directory's inode
// number: kernfs makes 64-bit inodes of its node ids since 5.5, and that id is
// what bpf_get_current_cgroup_id() and cgroup->kn->id say. A cgroup that is not
// there is an empty answer; an error says that this cannot be known now.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/containers/listing.h"

namespace stillframe::containers {

struct Cgroup {
  std::string path;  // relative to the hierarchy's root; "/" is the root
  std::uint64_t id = 0;
};

class CgroupTree {
 public:
  // `mount`: where the hierarchy is, host prefix included.
  explicit CgroupTree(std::string mount);

  // The cgroup at `path` and all below it, parents first. Bounded: a container
  // may nest cgroups of its own as deep as it likes.
  Listing<Cgroup> below(const std::string& path = "/") const;

  // 0 when there is none.
  Result<std::uint64_t> id_of(const std::string& path) const;

  // Empty when there is none, or only out of bounds.
  Result<std::string> path_of(std::uint64_t id) const;

  // The processes in exactly this cgroup, in the host's pid namespace.
  Result<std::vector<std::uint32_t>> processes(const std::string& path) const;

 private:
  std::string mount_;
};

}  // namespace stillframe::containers
