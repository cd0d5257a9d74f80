// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace stillframe::containers {

// Names of the subdirectories, at most `limit`; empty when it cannot be read.
std::vector<std::string> subdirectories(const std::string& path,
                                        std::size_t limit = 65536);

bool is_directory(const std::string& path);

// Changes whenever the file is replaced or rewritten; empty: there is none.
std::string file_stamp(const std::string& path);

}  // namespace stillframe::containers
