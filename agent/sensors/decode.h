// SPDX-License-Identifier: Apache-2.0
//
// From the kernel side's raw events to observations. Pure: what a test recorded
// once decodes the same forever.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "agent/base/result.h"
#include "agent/model/observation.h"
#include "bpf/events.h"

namespace stillframe::sensors {

ProcessRef process_ref(const sf_process& from);

// Fails on an event that is too short, of another version or of unknown type.
// `real_minus_boot_ns`: CLOCK_REALTIME minus CLOCK_BOOTTIME.
Result<Observation> decode(const void* data, std::size_t size,
                           std::int64_t real_minus_boot_ns);

// Of a rename, which decode() says of what was moved: the directory that it was
// moved out of.
std::optional<FileObservation> origin_of_rename(const void* data,
                                                std::size_t size);

// The kernel's mark that a directory's change was reported. It must be removed
// once the event has been taken out, so that the next change is reported again.
std::optional<sf_change_key> rearm_key(const void* data, std::size_t size);

}  // namespace stillframe::sensors
