// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/base/clock.h"
#include "agent/base/result.h"

namespace stillframe::cli {

// "10m": so long ago. "2026-01-31T12:00:00Z" (RFC 3339). "2026-01-31", "today",
// "yesterday": when that day began, as this machine's clock on the wall has it.
Result<WallTime> parse_time(const std::string& text);

}  // namespace stillframe::cli
