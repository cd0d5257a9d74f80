// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string_view>

#include "agent/base/result.h"

namespace stillframe::cli {

// "500ms", "60s", "5m", "1h30m", "2d": more than nothing, a year at most.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace stillframe::cli
