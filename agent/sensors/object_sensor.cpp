// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/object_sensor.h"

#include <vector>

#include "agent/sensors/status.h"

namespace stillframe::sensors {

void ObjectSensor::choose(const Setup& setup) {
  std::vector<SensorAttempt> attempts;
  std::unique_ptr<Object> chosen;
  for (const Implementation& one : ladder_.implementations) {
    auto attached = Object::attach(one.object, setup);
    if (attached) {
      chosen = std::move(*attached);
      attempts.push_back(accepted(one.name, ""));
      break;
    }
    attempts.push_back(refused(one.name, attached.error()));
  }
  object_ = std::move(chosen);
  status_ = status_of(ladder_, std::move(attempts));
}

std::uint64_t ObjectSensor::missed_runs() const {
  return object_ ? object_->missed_runs() : 0;
}

SensorStatus SharedSensor::status() const {
  return status_of(ladder_,
                   {accepted(ladder_.implementations.front().name, "")});
}

std::uint64_t SharedSensor::missed_runs() const {
  return counts_ && object_ != nullptr ? object_->missed_runs() : 0;
}

}  // namespace stillframe::sensors
