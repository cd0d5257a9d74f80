// SPDX-License-Identifier: Apache-2.0
//
// Attached is not working: LSM programs attach on kernels that never run them.
// So the agent mounts a rootfs that nobody else sees, changes files on it in
// each way, and looks whether that comes back as events.
#pragma once

#include <functional>
#include <set>

#include "agent/base/result.h"
#include "agent/model/inode.h"
#include "agent/model/observation.h"

namespace stillframe::sensors {

enum class TrialGround { overlay, directory };

struct Trial {
  UpperRoot root;         // of the rootfs, which is gone again
  std::set<FileOp> done;  // what was done there, and must have been seen
};

// `begin` is called before anything is changed, in a thread of its own that
// this function waits for. Makes the kernel load overlay where it is a module.
// Fails where nothing can be mounted: overlay is not there, or the agent may
// not.
Result<Trial> try_files(TrialGround ground,
                        const std::function<void(const UpperRoot&)>& begin);

using TryFiles = std::function<Result<Trial>(
    TrialGround, const std::function<void(const UpperRoot&)>& begin)>;

// The operations' names: "rename, link".
std::string to_string(const std::set<FileOp>& ops);

}  // namespace stillframe::sensors
