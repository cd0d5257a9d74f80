// SPDX-License-Identifier: Apache-2.0
//
// Who may hold how many of the process's descriptors, so that clients cannot
// keep the agent from looking at files. RLIMIT_NOFILE is raised to its hard
// limit at start; the rest is shared out here.
#pragma once

#include <cstddef>

namespace stillframe {

// A scan holds no more at a time, however many layers there are and however
// deep they go. One scan runs at a time.
inline constexpr std::size_t kScanDescriptors = 256;

// What is held all the time (programs, maps, links, listeners, the log), and
// what reading a runtime's files takes for a moment.
inline constexpr std::size_t kOwnDescriptors = 128;

// Clients of both servers together leave so many.
inline constexpr std::size_t kKeptFromClients =
    kScanDescriptors + kOwnDescriptors;

}  // namespace stillframe
