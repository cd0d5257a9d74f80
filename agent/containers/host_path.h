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

// Directories that the host has and that may be the one at `path` in another
// namespace, whose mounts are `mounts`; below `prefix`, without a link in them.
// The path is whoever's: what it or a link in it leads to outside of the
// innermost mount that it lies on is none of them.
std::vector<std::string> host_directories(const std::string& path,
                                          const std::vector<Mount>& mounts,
                                          const std::vector<Mount>& host_mounts,
                                          const std::string& prefix = "");

}  // namespace stillframe::containers
