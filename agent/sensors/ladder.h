// SPDX-License-Identifier: Apache-2.0
//
// For each sensor the implementations there are, best first. Which one is used
// is found out by loading, attaching and trying it, never from a version.
#pragma once

#include <span>
#include <string>

#include "agent/model/snapshot.h"
#include "agent/sensors/object.h"

namespace stillframe::sensors {

struct Rung {
  const char* implementation;
  ObjectSpec object;
  bool plain = false;  // of files: sees a rootfs that is no overlay as well
  const char* by_scan = nullptr;  // what only scans find where it is in use
};

struct Ladder {
  const char* sensor;
  std::span<const Rung> rungs;
  Coverage without;                 // what scans make good when all rungs fail
  const char* else_implementation;  // how; "" where nothing is
};

// The object that makes the maps: lifecycle and code, which stand together.
const Rung& life();
const Ladder& files();
// What sees a rootfs that is no overlay, where the one in use does not.
const Rung& plain_files();
const Ladder& kernel_parameters();
const Ladder& libraries();
const Ladder& memory();
const Ladder& mounts();

}  // namespace stillframe::sensors
