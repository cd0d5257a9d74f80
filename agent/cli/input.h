// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "agent/base/result.h"

namespace stillframe::cli {

// All that a descriptor gives until its end, as a pipe does. EFBIG: there is
// more than `limit`.
Result<std::string> read_in(int fd, std::size_t limit);

}  // namespace stillframe::cli
