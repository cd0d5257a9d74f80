// SPDX-License-Identifier: Apache-2.0
//
// What the kernel side must know at load time, read from this machine.
#pragma once

#include <string>

#include "agent/base/result.h"
#include "agent/sensors/kernel_types.h"
#include "bpf/events.h"

namespace stillframe::sensors {

// `controller`: "" for the unified hierarchy, else a v1 controller. The budget
// is left to the caller.
Result<sf_config> kernel_facts(const std::string& controller,
                               const KernelTypes& types);

// Which functions have one argument more than their oldest form.
std::uint64_t extra_arguments(const KernelTypes& types);

// Whether the kernel can mount overlays by now: built in, or the module is
// loaded.
bool overlay_is_there();

}  // namespace stillframe::sensors
