// SPDX-License-Identifier: Apache-2.0
//
// Inside of Finder, shared by its source files.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/containers/cgroup_path.h"
#include "agent/containers/cgroup_tree.h"
#include "agent/containers/finder.h"
#include "agent/containers/process.h"
#include "agent/containers/runtime_resolver.h"

namespace stillframe::containers {

// /proc's clock ticks are 10 ms long; one more for the rounding.
inline bool same_start(std::uint64_t a, std::uint64_t b) {
  constexpr std::uint64_t kToleranceNs = 20'000'000;
  return (a > b ? a - b : b - a) <= kToleranceNs;
}

struct Finder::Impl {
  Impl(CgroupLayout cgroup_layout, std::string host_prefix);

  // Whose a cgroup is: by its path, or by a runtime that says it put a
  // container there. Helpers are returned as such; none: nobody's.
  using KnownCgroups = std::map<std::string, std::string>;
  KnownCgroups known_cgroups() const;
  static std::optional<CgroupName> identify(const std::string& path,
                                            const KnownCgroups& known);

  struct Group {
    CgroupName name;
    std::uint64_t cgroup = 0;
    std::vector<Process> processes;  // those with a root of their own
    std::optional<Process> init;
  };
  // By path of the container's cgroup; only those with processes.
  std::map<std::string, Group> groups() const;
  void choose_init(Group& group) const;
  static void drop_shared(std::map<std::string, Group>& groups);

  // A cgroup that no path and no runtime explains, but with a pid namespace and
  // an overlay root of its own.
  bool is_unknown_container(const Process& init) const;
  static CgroupName unknown_name(const std::string& path, std::uint64_t id);

  std::optional<RuntimeMetadata> metadata(const CgroupName& name) const;
  ContainerRecord record(const Group& group, const UpperRoot& seen) const;
  void add_mounts(const Process& init, ContainerRecord& record,
                  std::optional<Mount>& root) const;
  void add_layers(const Group& group, const RuntimeMetadata& known,
                  const std::optional<Mount>& root, const UpperRoot& seen,
                  ContainerRecord& record) const;
  Result<OverlayLayers> mounted_layers(const Mount& mount,
                                       const RuntimeMetadata& known,
                                       const std::optional<Process>& init,
                                       const UpperRoot& seen) const;
  std::vector<std::string> directories(const RuntimeMetadata& known,
                                       const Mount& root) const;
  std::optional<OverlayLayers> layers_of_upper(const UpperRoot& seen) const;
  std::vector<std::string> layer_roots() const;

  std::optional<Process> seen_process(const LiveObservation& seen) const;
  std::string seen_path(const LiveObservation& seen) const;

  CgroupLayout layout;
  std::string prefix;
  CgroupTree tree;
  Proc proc;
  std::vector<std::unique_ptr<RuntimeResolver>> resolvers;
};

}  // namespace stillframe::containers
