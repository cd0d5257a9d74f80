// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "agent/model/observation.h"

namespace stillframe::containers {

// Whether cgroup v1's devices.list allows what was asked for. Of cgroup v2 the
// kernel side knows itself.
bool device_allowed(std::string_view devices_list,
                    const DeviceObservation& asked);

}  // namespace stillframe::containers
