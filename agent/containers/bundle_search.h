// SPDX-License-Identifier: Apache-2.0
//
// The bundle of a container whose runtime keeps its state where nobody looks:
// next to the rootfs, as the OCI runtime specification has it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/containers/mountinfo.h"
#include "agent/containers/oci_config.h"

namespace stillframe::containers {

struct FoundBundle {
  std::string path;    // as the host sees it
  std::string rootfs;  // the same
  OciConfig config;
};

// The directory of root's own above the place where the host has `root`, a
// container's, whose config.json names that very place as the rootfs. Fails
// where there may be one that cannot be read.
Result<std::optional<FoundBundle>> find_bundle(
    const Mount& root, const std::vector<Mount>& host_mounts,
    const std::string& prefix);

}  // namespace stillframe::containers
