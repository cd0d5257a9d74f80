// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "agent/base/result.h"

namespace stillframe::cli {

// "65536", "64KiB", "16M", "1GiB" in bytes: units are powers of 1024, with or
// without "iB". 64 KiB at least.
Result<std::uint64_t> parse_size(std::string_view text);

}  // namespace stillframe::cli
