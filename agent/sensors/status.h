// SPDX-License-Identifier: Apache-2.0
//
// What came of trying the implementations of a sensor, for doctor.
#pragma once

#include <string>
#include <vector>

#include "agent/model/snapshot.h"
#include "agent/sensors/ladder.h"
#include "agent/sensors/refusal.h"

namespace stillframe::sensors {

SensorAttempt refused(const char* implementation, const Refusal& refusal);

// `misses`: operations that it did not see when it was tried; empty: none.
SensorAttempt accepted(const char* implementation, const std::string& misses);

// The attempts in the ladder's order, at most one of them in use.
SensorStatus status_of(const Ladder& ladder,
                       std::vector<SensorAttempt> attempts);

}  // namespace stillframe::sensors
