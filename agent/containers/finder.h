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
#include "agent/model/container.h"
#include "agent/model/mount.h"
#include "agent/model/observation.h"

namespace stillframe::containers {

class Finder {
 public:
  // `host_prefix` is put in front of every path read; for tests.
  explicit Finder(CgroupLayout layout, std::string host_prefix = "");
  ~Finder();

  // Containers that run now: cgroups that hold a process whose root is not the
  // host's. One record each, with init, layers and mounts.
  std::vector<ContainerRecord> running() const;

  // Containers that are stopped but kept, whose upper directory is on disk
  // (init_pid 0): they can be changed while stopped and started again.
  std::vector<ContainerRecord> stopped() const;

  // The container that has just begun to live. Works when its init is gone
  // already, as far as names and metadata on disk tell. Fails when it is no
  // container: a service with a root of its own, an image build's chroot, …
  Result<ContainerRecord> resolve(const LiveObservation& seen) const;

  // Reads the runtime's metadata again (a name that came late, a rename).
  Result<ContainerInfo> refresh(const ContainerRecord& record) const;

  // Whether the runtime still knows it, running or not: false once removed.
  bool exists(const ContainerRecord& record) const;

  // Every process in the container's cgroup and below, with the parent chain
  // needed to tell its own tree from what was exec'ed into it.
  struct Member {
    std::uint32_t pid = 0;
    std::uint64_t cgroup = 0;  // id of the cgroup it is in (maybe a child)
    std::uint64_t start_ns = 0;
    bool from_init = false;            // descends from the container's init
    std::uint32_t session_leader = 0;  // pid of the first process of its exec
    std::string first_cmd;             // of that leader
  };
  std::vector<Member> members(const ContainerRecord& record) const;

  // Ids of the container's cgroup and all below it, in the observed hierarchy.
  std::vector<std::uint64_t> cgroups(const ContainerRecord& record) const;

  // The mounts that the container's init sees. Nothing is kept open.
  Result<std::vector<MountEntry>> mounts(const ContainerRecord& record) const;

  // The directories that hold the limits of the container's cgroup: one in the
  // unified hierarchy, one of each v1 controller.
  std::vector<std::string> limit_directories(
      const ContainerRecord& record) const;

  // Whether the container's v1 cgroup lets it have the device; true where there
  // is none.
  bool device_allowed(const ContainerRecord& record,
                      const DeviceObservation& asked) const;

  const CgroupLayout& layout() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stillframe::containers
