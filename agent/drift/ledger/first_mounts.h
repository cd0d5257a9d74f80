// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "agent/model/container.h"
#include "agent/model/mount.h"

namespace stillframe::drift {

// Of the mounts that a container is found with, those that its runtime made, as
// far as its configuration says. A mount below one that brings along what lies
// below its source may be one of those.
std::vector<MountEntry> of_runtime(const std::vector<MountEntry>& found,
                                   const std::vector<AskedMount>& asked);

}  // namespace stillframe::drift
