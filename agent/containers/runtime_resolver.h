// SPDX-License-Identifier: Apache-2.0
//
// The seam to container runtimes: one implementation per way of keeping
// metadata on disk. None talks to the runtime or takes its locks, so what is
// read may be half written: it is checked, and read again later.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model/container.h"

namespace stillframe::containers {

struct RuntimeQuery {
  std::string id;
  std::string cgroup_path;  // empty: not running
};

struct RuntimeMetadata {
  ContainerInfo info;
  OverlayLayers layers;   // empty where the runtime's files do not tell
  std::string rootfs;     // where the host mounts it, if anywhere
  std::string bundle;     // directory of its OCI config, where one is told
  bool rootless = false;  // said by a user's files, true of that user's only
  std::uint32_t init_pid = 0;
  std::uint64_t init_start_ticks = 0;
  std::vector<std::string> trouble;
};

class RuntimeResolver {
 public:
  virtual ~RuntimeResolver() = default;

  // Whether it keeps containers of ContainerInfo::runtime `runtime`.
  virtual bool serves(std::string_view runtime) const = 0;

  virtual std::optional<RuntimeMetadata> find(const RuntimeQuery& query) = 0;

  // What another's files say of a container that may be one of ours, kept in a
  // place that we did not know of. True: find() may tell more now.
  virtual bool learn(const RuntimeMetadata& /*told*/) { return false; }

  // Cgroup path -> id of the container that the runtime put there: for those
  // whose path tells nothing.
  virtual std::map<std::string, std::string> cgroups() { return {}; }

  // All containers with a rootfs on disk, running or not.
  virtual std::vector<RuntimeMetadata> stored() { return {}; }

  // Directories that overlay mounts' relative paths start from.
  virtual std::vector<std::string> layer_roots() { return {}; }

  // The upper directories below the layer roots.
  virtual std::vector<std::string> uppers() { return {}; }
};

}  // namespace stillframe::containers
