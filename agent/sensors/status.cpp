// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/status.h"

namespace stillframe::sensors {

SensorAttempt refused(const char* implementation, const Refusal& refusal) {
  auto [meaning, fix] = explain(refusal);
  return {implementation, false, to_string(refusal), meaning, fix};
}

SensorAttempt accepted(const char* implementation, const std::string& misses) {
  SensorAttempt attempt{implementation, true, "", "", ""};
  if (!misses.empty()) {
    attempt.meaning = "tried on a rootfs of our own, it did not see: " + misses;
    attempt.fix = "none: scans find what it misses, without the actor";
  }
  return attempt;
}

SensorStatus status_of(const Ladder& ladder,
                       std::vector<SensorAttempt> attempts) {
  SensorStatus status;
  status.sensor = ladder.sensor;
  status.implementation = ladder.otherwise;
  status.coverage = ladder.without;
  for (const SensorAttempt& attempt : attempts) {
    if (attempt.in_use) {
      status.implementation = attempt.implementation;
      status.coverage = Coverage::events;
    }
    // The best one's story: of the others it only matters that they were tried.
    if (status.reason.empty()) {
      status.reason = attempt.meaning;
      status.fix = attempt.fix;
    }
    if (attempt.in_use) {
      status.reason = attempt.meaning;
      status.fix = attempt.fix;
      break;
    }
  }
  status.tried = std::move(attempts);
  return status;
}

}  // namespace stillframe::sensors
