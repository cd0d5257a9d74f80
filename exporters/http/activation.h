// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "agent/base/fd.h"
#include "agent/base/result.h"

namespace stillframe::http {

// The listening TCP sockets that systemd has handed to this process
// (sd_listen_fds(3)), which are then the caller's. An error if there is none,
// or anything else among them. To be called once.
Result<std::vector<Fd>> activated_sockets();

}  // namespace stillframe::http
