// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/limits_sensor.h"

#include "agent/sensors/status.h"

namespace stillframe::sensors {

SensorStatus LimitsSensor::status() const {
  std::vector<SensorAttempt> attempts;
  const bool named = limits_.nameless().empty();
  if (!named) {
    attempts.push_back({"fanotify", false, limits_.nameless(),
                        "who changes a limit is not seen",
                        "Linux with CONFIG_FANOTIFY, and CAP_SYS_ADMIN"});
  }
  if (limits_.trouble().empty()) {
    attempts.push_back(accepted(named ? "fanotify" : "inotify", ""));
  } else {
    // The kernel has one error for both limits.
    attempts.push_back(
        {"inotify", false, limits_.trouble(),
         "writes to control files are not reported: a limit was reached",
         "raise fs.inotify.max_user_instances and the limit on open files"});
  }
  SensorStatus status = status_of(ladder_, std::move(attempts));
  if (status.coverage == Coverage::events && !named) {
    status.by_scan.emplace_back("changes of limits");
  }
  return status;
}

}  // namespace stillframe::sensors
