// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/model/mutation.h"

namespace stillframe {

// What an update did to a package, by the package manager's own files in the
// container, which may say anything.
struct PackageChange {
  std::string manager;  // dpkg, apk, pip, npm, gem
  std::string name;
  std::string version;  // empty: not known, or it was removed
  bool removed = false;
  bool operator==(const PackageChange&) const = default;
};

// One run of a tool that changed a running container.
struct Update {
  std::uint64_t id = 0;
  std::string tool;
  std::string command;  // of its first process, cut at 256 bytes
  WallTime started;
  WallTime ended;  // 0: it has not
  std::uint64_t paths = 0;
  bool more_paths = false;              // than could be counted
  std::vector<PackageChange> packages;  // known once it has ended
  SharedActor actor;                    // who was first to change something
};

}  // namespace stillframe
