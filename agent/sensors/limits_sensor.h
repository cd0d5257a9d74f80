// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/sensors/ladder.h"
#include "agent/sensors/limits.h"
#include "agent/sensors/sensor.h"

namespace stillframe::sensors {

// What doctor says of the limits: nothing is loaded for them.
class LimitsSensor : public Sensor {
 public:
  // Both outlive this.
  LimitsSensor(const Ladder& ladder, const LimitWatch& limits)
      : ladder_(ladder), limits_(limits) {}

  void choose(const Setup& /*setup*/) override {}
  SensorStatus status() const override;

 private:
  const Ladder& ladder_;
  const LimitWatch& limits_;
};

}  // namespace stillframe::sensors
