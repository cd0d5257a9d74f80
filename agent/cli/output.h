// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "agent/base/result.h"

namespace stillframe::cli {

// Waits where the descriptor does not block. Fails with EPIPE when nobody reads
// any more.
Result<> write_out(int fd, std::string_view bytes);

// A line; that it could not be said can be said nowhere.
void say(int fd, std::string_view text);

}  // namespace stillframe::cli
