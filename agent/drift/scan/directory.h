// SPDX-License-Identifier: Apache-2.0
//
// Directories: opening them, and the names in them.
#pragma once

#include <cstddef>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/base/fd.h"

namespace stillframe::drift {

// The names in a directory opened for reading, without . and ..; an errno value
// in `error` when it could not be read to its end: EFBIG for more than `limit`,
// ECANCELED when asked to stop.
std::vector<std::string> read_names(int fd, std::size_t limit,
                                    const std::stop_token& stop, int* error);

// Opens a directory for reading, without leaving a trace in its atime where
// that is allowed. No symbolic link is followed in the last component of
// `path`.
Fd open_directory(int parent, const char* path);

// The same, several directories further down: no symbolic link is followed
// anywhere, and `path` may be longer than the kernel takes at once.
Fd open_below(int root, const std::string& path);

}  // namespace stillframe::drift
