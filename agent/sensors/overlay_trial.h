// SPDX-License-Identifier: Apache-2.0
//
// Attached is not working: LSM programs attach on kernels that never run them.
// So the agent mounts an overlay that nobody else sees, changes files on it in
// each way, and looks whether that comes back as events.
#pragma once

#include <set>

#include "agent/base/result.h"
#include "agent/model/inode.h"
#include "agent/model/observation.h"

namespace stillframe::sensors {

struct OverlayTrial {
  UpperRoot root;         // of the overlay, which is gone again
  std::set<FileOp> done;  // what was done there, and must have been seen
};

// Makes the kernel load overlay where it is a module. Fails where no overlay
// can be mounted: it is not there, or the agent may not.
Result<OverlayTrial> try_overlay();

// The operations' names: "rename, link".
std::string to_string(const std::set<FileOp>& ops);

}  // namespace stillframe::sensors
