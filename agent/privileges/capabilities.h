// SPDX-License-Identifier: Apache-2.0
//
// Which capabilities (capabilities(7)) each of the agent's processes works
// with. docs/capabilities.md says what for, and which line of the kernel asks
// for it. They belong to a thread: given up before there is a second one, they
// are given up for good.
#pragma once

#include <string>
#include <vector>

#include "agent/base/result.h"

namespace stillframe::privileges {

enum class Role {
  agent,  // reads what containers are, loads programs, serves
  trial,  // mounts a rootfs of its own and changes it, and nothing else
};

// Of those that `role` cannot do without, the names of those that this thread
// does not have ("CAP_SYS_ADMIN"), in the order of the alphabet.
std::vector<std::string> missing_capabilities(Role role);

// Of what this thread may do it keeps what `role` works with; with `low_ports`
// also listening on ports below 1024. What it cannot get back by running a
// program either, where it may lower that bound (CAP_SETPCAP). None is
// inherited.
Result<> keep_capabilities(Role role, bool low_ports = false);

}  // namespace stillframe::privileges
