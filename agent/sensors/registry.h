// SPDX-License-Identifier: Apache-2.0
//
// The list of sensors. How to add one: sensor.h.
#pragma once

#include <memory>
#include <vector>

#include "agent/sensors/files_sensor.h"
#include "agent/sensors/limits.h"
#include "agent/sensors/sensor.h"

namespace stillframe::sensors {

// What some of them need beyond the kernel; all of it outlives them.
struct SensorNeeds {
  FilesSensor::Missed missed;
  const LimitWatch& limits;
};

// All of them in doctor's order, none at work yet.
std::vector<std::unique_ptr<Sensor>> make_sensors(const SensorNeeds& needs);

// Their names in the same order.
std::vector<const char*> sensor_names();

// The object that makes the maps which all share: lifecycle and code. Nothing
// works without it.
const ObjectSpec& shared_object();

}  // namespace stillframe::sensors
