// SPDX-License-Identifier: Apache-2.0
//
// Which cgroups are containers', and who their init is.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/containers/cgroup_path.h"
#include "agent/containers/cgroup_tree.h"
#include "agent/containers/process.h"
#include "agent/containers/runtime_files.h"
#include "agent/containers/stated_inits.h"

namespace stillframe::containers {

struct ContainerCgroup {
  CgroupName name;
  std::uint64_t cgroup = 0;
  std::optional<Process> init;
};

class ContainerCgroups {
 public:
  ContainerCgroups(const CgroupTree& tree, const Proc& proc,
                   const RuntimeFiles& files)
      : tree_(tree), proc_(proc), files_(files) {}

  // Those with processes whose root is not the host's, that are or were begun
  // at `path` or below it, by path. A container whose init is not certain
  // because of an error is left out, and the error is there.
  Listing<ContainerCgroup> below(const std::string& path = "/") const;

  // Ids of the host's own containers that may run: not all that is in their
  // cgroups could be read.
  Listing<std::string> unread() const;

  // Whose a cgroup is: by its path, or by a runtime that says it put a
  // container there. Helpers are returned as such; none: nobody's, or named
  // after a container that is elsewhere.
  static std::optional<CgroupName> identify(const std::string& path,
                                            const KnownCgroups& known);

  // A cgroup that no path and no runtime explains, but whose init has a pid
  // namespace of its own and for a root an overlay, or a directory that is a
  // bundle's, or any where nobody of the host is in the cgroup.
  Result<bool> is_unknown_container(const Process& init,
                                    const std::string& path) const;
  static CgroupName unknown_name(const std::string& path, std::uint64_t id);

 private:
  // Of a group's processes those in one cgroup.
  struct Part {
    std::string path;
    std::uint64_t cgroup = 0;
    std::size_t first = 0;
    std::size_t last = 0;  // one behind
  };
  struct Group {
    CgroupName name;
    std::uint64_t cgroup = 0;
    std::vector<Part> parts;
    std::vector<Process> processes;  // those with a root of their own
    bool unread = false;             // not all processes could be read
    std::optional<Process> init;
  };
  using Groups = std::map<std::string, Group>;  // by path

  Groups read_groups(const std::string& path, const KnownCgroups& known,
                     std::vector<Error>& errors) const;
  void add_processes(Group& group, const std::vector<std::uint32_t>& pids,
                     std::vector<Error>& errors) const;
  Result<bool> is_alone(const std::string& path) const;
  void add_cgroupless(const Groups& groups,
                      Listing<ContainerCgroup>& result) const;
  bool is_container(const Group& group, std::vector<Error>& errors) const;
  static void choose_init(Group& group, const StatedInits& stated,
                          std::vector<Error>& errors);
  void add_moved(Groups& groups, const std::string& path,
                 const KnownCgroups& known, const StatedInits& stated,
                 std::vector<Error>& errors) const;
  void add_inner(Groups& groups, const StatedInits& stated) const;
  bool has_another_root(const Process& one, const Process& other) const;
  static void drop_shared(Groups& groups);

  const CgroupTree& tree_;
  const Proc& proc_;
  const RuntimeFiles& files_;
};

}  // namespace stillframe::containers
