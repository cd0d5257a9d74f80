// SPDX-License-Identifier: Apache-2.0
#include "agent/privileges/confine.h"

#include <sys/prctl.h>

#include <cerrno>

#include "agent/privileges/system_calls.h"

namespace stillframe::privileges {
namespace {

// Sanitizers look for leaks from a process of their own, and run a program that
// names addresses.
#ifdef STILLFRAME_SANITIZED
constexpr bool kRestrict = false;
#else
constexpr bool kRestrict = true;
#endif

}  // namespace

Result<> confine(Role role, Confinement how) {
  if (auto kept = keep_capabilities(role, how.low_ports); !kept) return kept;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return fail("no_new_privs", errno);
  }
  if (!kRestrict) return {};
  return restrict_system_calls(role);
}

}  // namespace stillframe::privileges
