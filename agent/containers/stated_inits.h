// SPDX-License-Identifier: Apache-2.0
//
// Who the first process of a container is, as the runtime that began it wrote
// down. A process can be moved to any cgroup by whoever is root, also from
// within a container: where it is by now does not say whose it is.
#pragma once

#include <optional>
#include <set>

#include "agent/containers/cgroup_path.h"
#include "agent/containers/process.h"
#include "agent/containers/runtime_resolver.h"

namespace stillframe::containers {

class StatedInits {
 public:
  // Both outlive it.
  StatedInits(const KnownCgroups& known, const Proc& proc);

  // The one of the container that has this cgroup. None: no runtime says, and
  // whoever is there may be it.
  std::optional<InitRef> of(const CgroupName& name) const;

  // None: it has ended, or is still being prepared. Fails where that cannot be
  // known now.
  Result<std::optional<Process>> read(const InitRef& init) const;

  // Whether some container's is this one.
  bool contains(const Process& process) const {
    return inits_.contains({process.pid, process.start_ticks});
  }

 private:
  const KnownCgroups& known_;
  const Proc& proc_;
  std::set<InitRef> inits_;
};

}  // namespace stillframe::containers
