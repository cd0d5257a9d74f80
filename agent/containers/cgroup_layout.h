// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "agent/base/result.h"

namespace stillframe::containers {

enum class CgroupMode { v1, hybrid, v2 };

// How this machine mounts its cgroup hierarchies, and which of them is
// observed: identity is (hierarchy, id), since v1 ids differ in each hierarchy.
struct CgroupLayout {
  CgroupMode mode = CgroupMode::v2;
  std::string unified;                    // mount point of cgroup2, if any
  std::map<std::string, std::string> v1;  // controller -> mount point
  // The observed hierarchy: "" is the unified one, else a v1 controller of
  // pids, memory, cpu, devices, freezer (the first one mounted).
  std::string observed;
  std::string observed_mount;
};

// From /proc/self/mountinfo. Fails when no cgroup filesystem is mounted.
Result<CgroupLayout> detect_cgroups(const std::string& host_prefix = "");

std::string to_string(CgroupMode mode);

}  // namespace stillframe::containers
