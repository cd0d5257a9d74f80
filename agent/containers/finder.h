// SPDX-License-Identifier: Apache-2.0
//
// From a cgroup to a container: who it is, where its rootfs lies. Reads cgroup
// paths, /proc and the runtimes' files on disk; talks to no runtime and runs no
// command. Everything read is untrusted: what is broken ends up in
// ContainerRecord::trouble, never in a crash and never in another container.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/containers/cgroup_layout.h"
#include "agent/containers/container_source.h"
#include "agent/model/container.h"
#include "agent/model/mount.h"
#include "agent/model/observation.h"

namespace stillframe::containers {

// See container_source.h for what each call gives.
class Finder : public ContainerSource {
 public:
  // `host_prefix` is put in front of every path read; for tests.
  explicit Finder(CgroupLayout layout, std::string host_prefix = "");
  ~Finder() override;

  std::vector<ContainerRecord> running() const override;
  std::vector<ContainerRecord> stopped() const override;
  Result<ContainerRecord> resolve(const LiveObservation& seen) const override;
  Result<ContainerInfo> refresh(const ContainerRecord& record) const override;
  Result<bool> init_alive(const ContainerRecord& record) const override;
  Result<ContainerRecord> look_again(
      const ContainerRecord& known) const override;
  Result<bool> exists(const ContainerRecord& record) const override;
  std::vector<Member> members(const ContainerRecord& record) const override;
  std::vector<std::uint64_t> cgroups(
      const ContainerRecord& record) const override;
  Result<std::vector<MountEntry>> mounts(
      const ContainerRecord& record) const override;
  std::vector<std::string> limit_directories(
      const ContainerRecord& record) const override;
  bool device_allowed(const ContainerRecord& record,
                      const DeviceObservation& asked) const override;

  const CgroupLayout& layout() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stillframe::containers
