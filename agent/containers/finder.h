// SPDX-License-Identifier: Apache-2.0
//
// From a cgroup to a container: who it is, where its rootfs lies. Reads cgroup
// paths, /proc and the runtimes' files on disk; talks to no runtime and runs no
// command. Everything read is untrusted: what is broken ends up in
// ContainerRecord::trouble, never in a crash and never in another container.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "agent/base/result.h"
#include "agent/containers/cgroup_layout.h"
#include "agent/containers/cgroup_tree.h"
#include "agent/containers/cgroupless.h"
#include "agent/containers/container_cgroups.h"
#include "agent/containers/container_source.h"
#include "agent/containers/environment.h"
#include "agent/containers/membership.h"
#include "agent/containers/name_watch.h"
#include "agent/containers/process.h"
#include "agent/containers/runtime_files.h"

namespace stillframe::containers {

// See container_source.h for what each call gives.
class Finder : public ContainerSource {
 public:
  // `host_prefix` is put in front of every path read; for tests.
  explicit Finder(CgroupLayout layout, std::string host_prefix = "");
  // Its parts refer to each other.
  Finder(const Finder&) = delete;
  Finder& operator=(const Finder&) = delete;

  Listing<ContainerRecord> running_besides(
      const std::unordered_set<std::uint64_t>& known) const override;
  bool cgroupless_began() const override;
  Listing<ContainerRecord> stopped() const override;
  Result<std::optional<ContainerRecord>> resolve(
      const LiveObservation& seen) const override;
  Result<ContainerInfo> refresh(const ContainerRecord& record) const override;
  bool names_touched() const override;
  int names_fd() const override;
  std::map<std::string, std::string> new_names() const override;
  Result<bool> init_alive(const ContainerRecord& record) const override;
  Result<ContainerRecord> look_again(
      const ContainerRecord& known) const override;
  Result<bool> exists(const ContainerRecord& record) const override;
  Result<std::vector<Member>> members(
      const ContainerRecord& record) const override;
  std::optional<Program> program(std::uint32_t pid) const override;
  Result<std::vector<std::uint64_t>> cgroups(
      const ContainerRecord& record) const override;
  Result<std::vector<MountEntry>> mounts(
      const ContainerRecord& record) const override;
  Result<std::vector<std::string>> limit_directories(
      const ContainerRecord& record) const override;
  Result<bool> device_allowed(const ContainerRecord& record,
                              const DeviceObservation& asked) const override;

  const CgroupLayout& layout() const { return layout_; }

 private:
  // None: it is a step of an image build.
  std::optional<ContainerRecord> record_of(const ContainerCgroup& container,
                                           const UpperRoot& seen) const;
  MetadataResult find(const ContainerCgroup& container) const;
  std::optional<RuntimeMetadata> stated(const Process& init) const;
  std::optional<RuntimeMetadata> bundled(const CgroupName& cgroup,
                                         const Process& init) const;
  // Whether all there is of it is a state that its runtime did not remove.
  bool is_left_behind(const RuntimeMetadata& known) const;
  // Whether a runtime may be about to say whose this is, or has just done so.
  bool is_unwritten(const ContainerCgroup& container) const;
  void add_found(const ContainerCgroup& container, RuntimeMetadata& known,
                 ContainerInfo& info) const;
  // The id of the container that it runs in; empty: it runs in none.
  std::string outer_of(const ContainerCgroup& container) const;
  // The runtime's metadata of a known container; none: it knows it no more.
  MetadataResult metadata_of(const ContainerRecord& record) const;
  Result<std::optional<Process>> seen_process(
      const LiveObservation& seen) const;
  Result<std::string> seen_path(const LiveObservation& seen) const;
  // What lives in the cgroup at `path`; fails with ENOENT: not a container.
  Result<ContainerCgroup> seen_container(const LiveObservation& seen,
                                         const std::string& path) const;

  CgroupLayout layout_;
  std::string prefix_;
  CgroupTree tree_;
  Proc proc_;
  RuntimeFiles files_;
  ContainerCgroups containers_;
  Membership membership_;
  Environment environment_;
  // What is remembered of files, as the resolvers do.
  const std::unique_ptr<NameWatch> name_watch_;
  const std::unique_ptr<std::map<std::string, std::string>> names_;
  const std::unique_ptr<CgrouplessWatch> cgroupless_;
};

}  // namespace stillframe::containers
