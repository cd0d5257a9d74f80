// SPDX-License-Identifier: Apache-2.0
//
// Where the host sees what another mount namespace shows.
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

// The same of a path there, by those mounts alone: a symbolic link on the way
// is not followed. In its namespace `mounts` are.
std::vector<std::string> host_paths(const std::string& path,
                                    const std::vector<Mount>& mounts,
                                    const std::vector<Mount>& host_mounts);

}  // namespace stillframe::containers
