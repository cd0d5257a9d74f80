// SPDX-License-Identifier: Apache-2.0
//
// What describes a sensor: its implementations, best first. Which one is used
// is found out by loading, attaching and trying it, never from a version. The
// list of all of them is registry.cpp.
#pragma once

#include <span>

#include "agent/model/snapshot.h"
#include "agent/sensors/object.h"

namespace stillframe::sensors {

struct Implementation {
  const char* name;  // as doctor shows it
  ObjectSpec object;
  const ObjectSpec* besides = nullptr;  // of files: what must be attached, too
  bool plain = false;  // of files: sees a rootfs that is not an overlay as well
  const char* by_scan = nullptr;  // what only scans find where it is in use
};

struct Ladder {
  const char* sensor;  // its name, in doctor, JSON and metrics
  std::span<const Implementation> implementations;
  Coverage without = Coverage::none;  // what scans make good when all fail
  const char* otherwise = "";         // how; "" where nothing is
  // The reason of loss under which runs that the kernel left out are counted.
  const char* missed_as = "program_busy";
};

}  // namespace stillframe::sensors
