// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "agent/sensors/ladder.h"
#include "agent/sensors/sensor.h"

namespace stillframe::sensors {

// A sensor of which the first implementation is used that loads and attaches.
class ObjectSensor : public Sensor {
 public:
  // `ladder` outlives this.
  explicit ObjectSensor(const Ladder& ladder) : ladder_(ladder) {}

  void choose(const Setup& setup) override;
  SensorStatus status() const override { return status_; }
  std::uint64_t missed_runs() const override;
  const char* missed_as() const override { return ladder_.missed_as; }

 private:
  const Ladder& ladder_;
  std::unique_ptr<Object> object_;
  SensorStatus status_;
};

// One that stands in the object whose maps all share, which must work anyway.
class SharedSensor : public Sensor {
 public:
  // `counts`: of those in the same object, the one that counts its missed runs.
  SharedSensor(const Ladder& ladder, bool counts)
      : ladder_(ladder), counts_(counts) {}

  void choose(const Setup& setup) override { object_ = setup.maps; }
  SensorStatus status() const override;
  std::uint64_t missed_runs() const override;

 private:
  const Ladder& ladder_;
  bool counts_;
  const Object* object_ = nullptr;
};

}  // namespace stillframe::sensors
