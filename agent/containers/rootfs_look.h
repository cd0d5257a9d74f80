// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace stillframe::containers {

// Whether the root filesystem of the container whose init is `pid`, since
// `start_ns`, holds an absolute path; links within it are followed, but not the
// last part. Nothing: nobody can say, for the container is gone, or a link
// leads to what is mounted in it.
//
// Waits for disks: not for the loop. Of what a program serves (FUSE) it would
// wait for that program: not to be called.
std::optional<bool> rootfs_holds(std::uint32_t pid, std::uint64_t start_ns,
                                 const std::string& path);

}  // namespace stillframe::containers
