// SPDX-License-Identifier: Apache-2.0
//
// Where the engine learns of containers: which there are, who is in them, where
// their rootfs lies. Implemented by Finder on cgroups, /proc and the runtimes'
// files, and by a fake in tests.
//
// An error is not an absence: where a call fails with anything but ENOENT or
// ESRCH, what it asks about cannot be known now, what was known of it stays
// true, and the call is to be made again.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "agent/base/result.h"
#include "agent/containers/listing.h"
#include "agent/model/container.h"
#include "agent/model/mount.h"
#include "agent/model/observation.h"

namespace stillframe::containers {

class ContainerSource {
 public:
  virtual ~ContainerSource() = default;

  // Containers that run now: cgroups that hold a process whose root is not the
  // host's. One record each, with init, layers and mounts; those whose id is
  // confirmed come first.
  // One that is missing while there are errors may run anyway.
  Listing<ContainerRecord> running() const { return running_besides({}); }
  // But for those in cgroups that are `known`: nothing is asked about them.
  virtual Listing<ContainerRecord> running_besides(
      const std::unordered_set<std::uint64_t>& known) const = 0;

  // Whether one may have begun, since the last call, of which no cgroup shows:
  // it has none of its own. Cheap.
  virtual bool cgroupless_began() const { return false; }

  // Containers that are kept, whose upper directory is on disk (init_pid 0):
  // they can be changed while stopped and started again. Those that run are
  // among them.
  virtual Listing<ContainerRecord> stopped() const = 0;

  // The container that has just begun to live. Works when its init is gone
  // already, as far as names and metadata on disk show. Fails with ENOENT when
  // it is not a container: a service with a root of its own, an image build's
  // chroot, … None: a runtime says that it is a step of an image build, and is
  // not to be asked again, since its files may be gone by then. A record
  // without a rootfs needs look_again().
  virtual Result<std::optional<ContainerRecord>> resolve(
      const LiveObservation& seen) const = 0;

  // Reads the runtime's metadata again (a name that came late, a rename). Fails
  // with ENOENT when no runtime knows it.
  virtual Result<ContainerInfo> refresh(
      const ContainerRecord& record) const = 0;

  // Whether names may have changed since the last call; names_fd() becomes
  // readable then. Not all changes are noticed so.
  virtual bool names_touched() const = 0;
  virtual int names_fd() const { return -1; }  // -1: none
  // By id the names that are other than at the last call, or were not there.
  virtual std::map<std::string, std::string> new_names() const = 0;

  // Whether the record's init still runs: the same process, not another one
  // with its number.
  virtual Result<bool> init_alive(const ContainerRecord& record) const = 0;

  // Looks again for the rootfs of a container that runs and whose rootfs was
  // not found. The record may still be without one, and then says why. Fails
  // with ENOENT when nothing runs in its cgroup any more.
  virtual Result<ContainerRecord> look_again(
      const ContainerRecord& known) const = 0;

  // Whether the runtime still knows it, running or not: false once removed.
  virtual Result<bool> exists(const ContainerRecord& record) const = 0;

  // Every process in the container's cgroup and below, with the parent chain
  // needed to tell its own tree from what was exec'ed into it. Empty: none are
  // left.
  struct Member {
    std::uint32_t pid = 0;
    std::uint64_t cgroup = 0;  // id of the cgroup it is in (maybe a child)
    std::uint64_t start_ns = 0;
    bool from_init = false;            // descends from the container's init
    std::uint32_t session_leader = 0;  // pid of the first process of its exec
    std::string first_cmd;             // of that leader
    std::uint32_t ppid = 0;
    std::string comm;
  };
  virtual Result<std::vector<Member>> members(
      const ContainerRecord& record) const = 0;

  // What a process runs, by its path in its own root. None: the file is gone,
  // or lies on another mount than the root; the process is gone; or the kernel
  // does not say on which mount (before Linux 5.8).
  struct Program {
    std::string path;
    std::uint32_t uid = 0;  // who runs it: real, the host's number
  };
  virtual std::optional<Program> program(std::uint32_t pid) const = 0;

  // Ids of the container's cgroup and all below it, in the observed hierarchy.
  // Empty: it is gone.
  virtual Result<std::vector<std::uint64_t>> cgroups(
      const ContainerRecord& record) const = 0;

  // All mounts that the container's init sees. Nothing is kept open. Fails with
  // ESRCH when init is gone, with EFBIG when there are too many to be kept.
  virtual Result<std::vector<MountEntry>> mounts(
      const ContainerRecord& record) const = 0;

  // The directories that hold the limits of the container's cgroup: one in the
  // unified hierarchy, one of each v1 controller. Fails with ESRCH when init is
  // gone.
  virtual Result<std::vector<std::string>> limit_directories(
      const ContainerRecord& record) const = 0;

  // Whether the container's v1 cgroup lets it have the device; true where there
  // is none.
  virtual Result<bool> device_allowed(const ContainerRecord& record,
                                      const DeviceObservation& asked) const = 0;
};

}  // namespace stillframe::containers
