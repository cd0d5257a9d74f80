// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace stillframe::privileges {

// What CAP_SYS_RESOURCE is for, done once, while it is there: memory of maps
// counts as locked until Linux 5.11 (setrlimit(2), RLIMIT_MEMLOCK), and the
// thread that asks who wrote a limit goes before others (RLIMIT_NICE). Without
// the right to, programs do not load on 5.10, and that thread comes in turn.
void raise_limits();

}  // namespace stillframe::privileges
