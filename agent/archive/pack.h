// SPDX-License-Identifier: Apache-2.0
//
// A last state as it lies on the disk: two zstd frames (RFC 8878), each with a
// checksum. The first has the first line alone, so that who looks for a
// container need not read the rest. The last line is ours: how many were kept
// of how many, without which the file was cut off.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "agent/archive/format.h"
#include "agent/base/result.h"

namespace stillframe::archive {

// No file is larger by more than one line. What has no room is left out at the
// end.
constexpr std::size_t kMostPacked = 1 << 20;

// Fails with ECANCELED as soon as `cancelled`.
Result<std::string> pack(
    const Format& format, const DiffAnswer& answer,
    const std::function<bool()>& cancelled = [] { return false; });

Result<DiffAnswer> read_head(const Format& format, const std::string& directory,
                             const std::string& file);
Result<DiffAnswer> read_all(const Format& format, const std::string& directory,
                            const std::string& file);

}  // namespace stillframe::archive
