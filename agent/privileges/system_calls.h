// SPDX-License-Identifier: Apache-2.0
//
// The system calls (seccomp(2)) that each of the agent's processes works with.
// A list of what is allowed, and of some only in the form that the agent uses:
// threads and no processes, memory that is written or executed but never both.
//
// What is not on it fails with EPERM, and the kernel logs it: an agent that
// lives on without something sees more than one that is dead. What only
// somebody else would do in its place, such as running a program, ends it
// (SIGSYS).
#pragma once

#include "agent/base/result.h"
#include "agent/privileges/capabilities.h"

namespace stillframe::privileges {

// For this thread and those that it starts.
Result<> restrict_system_calls(Role role);

}  // namespace stillframe::privileges
