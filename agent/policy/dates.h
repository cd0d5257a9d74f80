// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/result.h"

namespace stillframe::policy {

// The first instant at which what "expires: TEXT" says is over. A date
// (2027-01-31) is the last day that counts, in UTC; an RFC 3339 time is exact.
Result<WallTime> parse_expiry(std::string_view text);

}  // namespace stillframe::policy
