// SPDX-License-Identifier: Apache-2.0
//
// One sensor: what is watched, by whichever of its implementations works here.
//
// To add a sensor, say `clocks`:
//  1. bpf/events.h: the event that its programs send, a struct and its
//     SF_EVENT_ number.
//  2. bpf/clocks.bpf.c: the programs. All of what they share is in bpf/lib/.
//     Every *.bpf.c is built and linked in.
//  3. agent/sensors/decode.cpp: from that event to an Observation.
//  4. agent/sensors/registry.cpp: its programs, its implementations, and its
//     place in the list, which is doctor's order.
// An observation that nothing carries yet is a struct in
// agent/model/observation.h, and what becomes of it belongs to the recipe for a
// kind of mutation.
//
// To add an implementation of one that exists: its own NAME.bpf.c, and a row in
// registry.cpp, before those that see less. Where it sees less than the
// coverage it claims, `by_scan` says what.
//
// Only a sensor that is not chosen by "the first that loads and attaches" needs
// a class of its own: FilesSensor tries its implementations, LimitsSensor needs
// no kernel side.
#pragma once

#include <cstdint>

#include "agent/model/snapshot.h"
#include "agent/sensors/object.h"

namespace stillframe::sensors {

class Sensor {
 public:
  virtual ~Sensor() = default;

  // Puts the best implementation to work that works now. The one before is
  // detached once the next is attached.
  virtual void choose(const Setup& setup) = 0;

  // How it works here; says so for each implementation that was tried.
  virtual SensorStatus status() const = 0;

  // Overlay was loaded since choose(), and `setup` knows its types. Whether the
  // status changed.
  virtual bool overlay_appeared(const Setup& /*setup*/) { return false; }

  // Whether there is a container whose rootfs is not an overlay: see
  // KernelSide::watch_plain(). Whether the status changed.
  virtual bool watch_plain(bool /*wanted*/, const Setup& /*setup*/) {
    return false;
  }

  // Whether watch_plain() may attach something, for a container that has begun
  // already: what it does before that is not seen.
  virtual bool may_attach_later() const { return false; }

  // How often the kernel left out a run of one of its programs, since start;
  // and the reason of loss under which that is counted.
  virtual std::uint64_t missed_runs() const { return 0; }
  virtual const char* missed_as() const { return "program_busy"; }
};

}  // namespace stillframe::sensors
