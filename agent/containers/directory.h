// SPDX-License-Identifier: Apache-2.0
//
// What is there in the runtimes' directories. What is absent is an empty
// answer; an error says that this cannot be known now.
#pragma once

#include <string>
#include <vector>

#include "agent/base/result.h"

namespace stillframe::containers {

// Names of the subdirectories; fails when there are more than `limit`.
Result<std::vector<std::string>> subdirectories(const std::string& path,
                                                std::size_t limit = 65536);

Result<bool> is_directory(const std::string& path);

// Fails with ENOENT when it is not one.
Result<> require_directory(const std::string& path);

// Whether nobody but root can put anything at or above `path`, which has no
// links in it. An overlay is some container's rootfs.
bool is_roots_own(const std::string& path);

// Whether it is a directory of that user's that no one but root and that user
// can put anything else in the place of: no part of the path is a link, or
// another's.
bool is_users_own(const std::string& path, unsigned uid);

// Changes whenever the file is replaced or rewritten; empty: there is none.
Result<std::string> file_stamp(const std::string& path);

}  // namespace stillframe::containers
