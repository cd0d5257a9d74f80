// SPDX-License-Identifier: Apache-2.0
#include "agent/privileges/limits.h"

#include <sys/resource.h>

namespace stillframe::privileges {

void raise_limits() {
  constexpr rlimit kAllMemory{RLIM_INFINITY, RLIM_INFINITY};
  // As getrlimit(2) has it: 20 less the nice value, which is -20 at best.
  constexpr rlimit kNiceness{40, 40};
  static_cast<void>(::setrlimit(RLIMIT_MEMLOCK, &kAllMemory));
  static_cast<void>(::setrlimit(RLIMIT_NICE, &kNiceness));
}

}  // namespace stillframe::privileges
