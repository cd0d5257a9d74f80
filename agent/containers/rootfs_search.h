// SPDX-License-Identifier: Apache-2.0
//
// Where on this machine a container's rootfs lies: looks in the runtime's
// files, then at its mounts, then for the directory that the kernel named.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/containers/container_cgroups.h"
#include "agent/containers/process.h"
#include "agent/containers/runtime_files.h"
#include "agent/model/container.h"

namespace stillframe::containers {

// One search for one container, whose init may be gone.
class RootfsSearch {
 public:
  struct Host {
    const std::string& prefix;
    const Proc& proc;
    const RuntimeFiles& files;
  };
  // `known`: what a runtime's files say. `seen`: the upper directory that the
  // kernel named; empty: it did not.
  RootfsSearch(Host host, const ContainerCgroup& container,
               const RuntimeMetadata& known, const UpperRoot& seen,
               ContainerRecord& record);

  // Fills the record's mounts, root, layers, standing and trouble.
  void run();

 private:
  std::optional<Mount> read_mounts();
  std::optional<Mount> stored_mount();
  void find_wanted(const std::optional<Mount>& root);
  bool is_inits_own(const std::string& upper, const UpperRoot& identity) const;
  bool accept(const OverlayLayers& layers);
  bool has_other_layers(const Mount& mount) const;
  void note_options(const Mount& mount);
  Standing standing(const std::optional<Mount>& root);
  bool accept_mount(const Mount& mount);
  bool accept_directory(const Mount& mount);
  bool accept_overlay(const Mount& mount);
  void accept_seen();
  std::vector<std::string> directories(const Mount& root);
  void find_makers_mounts();
  Result<OverlayLayers> mounted_layers(const Mount& mount);
  Result<OverlayLayers> makers_layers(const OverlayOptions& options);
  Result<OverlayLayers> proven(Result<OverlayLayers> guessed);
  void note(const Error& error);

  Host host_;
  const ContainerCgroup& container_;
  const RuntimeMetadata& known_;
  UpperRoot seen_;
  UpperRoot wanted_;  // what the rootfs has to be; empty: anything
  ContainerRecord& record_;
  bool mounts_read_ = false;  // of init
  // Of the container that it runs in; none: it runs in none.
  std::optional<std::vector<Mount>> makers_mounts_;
  bool unproven_ = false;  // what the rootfs has to be could not be read
};

}  // namespace stillframe::containers
