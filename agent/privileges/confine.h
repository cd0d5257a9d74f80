// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/base/result.h"
#include "agent/privileges/capabilities.h"

namespace stillframe::privileges {

struct Confinement {
  bool low_ports = false;  // listens on a port below 1024
};

// From here on this thread, and those that it starts, have what `role` works
// with: its capabilities and its system calls, and no program that is run gains
// any (no_new_privs). There is no way back. To be called while there is one
// thread.
Result<> confine(Role role, Confinement how = {});

}  // namespace stillframe::privileges
