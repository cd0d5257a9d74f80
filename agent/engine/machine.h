// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/model/inode.h"
#include "exporters/agent_api.h"

namespace stillframe::engine {

// What `doctor` says of the machine; reads /proc and /sys, needs no privilege.
MachineReport inspect_machine();

// Overlays that are the host's own root: writes there are the host's business.
std::vector<UpperRoot> host_roots();

// Raises the soft limit of open descriptors to the hard one. Returns the limit
// now in force; logs when it could not be raised.
std::uint64_t raise_descriptor_limit();

// Fails with one line and its fix where the agent could not work at all.
Result<> check_prerequisites(const std::string& state_dir);

}  // namespace stillframe::engine
