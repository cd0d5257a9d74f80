// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "agent/base/result.h"

namespace stillframe::journal {

// Writes the zstd frame (RFC 8878) of the file `from` to `to`, which is
// replaced, and waits until it is on the disk. Returns its size. After an error
// there is no `to`.
Result<std::uint64_t> compress_file(const std::string& from,
                                    const std::string& to);

}  // namespace stillframe::journal
