// SPDX-License-Identifier: Apache-2.0
//
// What a container was given besides its rootfs: mounts, limits and devices.
#pragma once

#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/containers/cgroup_layout.h"
#include "agent/containers/process.h"
#include "agent/model/container.h"
#include "agent/model/mount.h"
#include "agent/model/observation.h"

namespace stillframe::containers {

class Environment {
 public:
  Environment(const CgroupLayout& layout, const Proc& proc,
              const std::string& host_prefix)
      : layout_(layout), proc_(proc), prefix_(host_prefix) {}

  // See ContainerSource.
  Result<std::vector<MountEntry>> mounts(const ContainerRecord& record) const;
  Result<std::vector<std::string>> limit_directories(
      const ContainerRecord& record) const;
  Result<bool> device_allowed(const ContainerRecord& record,
                              const DeviceObservation& asked) const;

 private:
  // Where the container's cgroup is in another hierarchy; empty: it has none.
  // `cgroups`: its init's.
  std::string path_in(const ContainerRecord& record, const std::string& cgroups,
                      const std::string& controller) const;

  const CgroupLayout& layout_;
  const Proc& proc_;
  const std::string& prefix_;
};

}  // namespace stillframe::containers
