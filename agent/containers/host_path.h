// SPDX-License-Identifier: Apache-2.0
//
// Where the host sees the root directory of a container that is not an overlay.
#pragma once

#include <string>
#include <vector>

#include "agent/containers/mountinfo.h"

namespace stillframe::containers {

// Paths at which the host's mounts show what `root`, a mount of another
// namespace, shows. Guesses: something else may be mounted over them, so each
// is to be proven by its inode.
std::vector<std::string> host_paths(const Mount& root,
                                    const std::vector<Mount>& host_mounts);

}  // namespace stillframe::containers
