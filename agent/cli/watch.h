// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "agent/base/result.h"
#include "agent/cli/commands.h"
#include "exporters/socket/client.h"

namespace stillframe::cli {

// Prints what `ps` answers, and again every two seconds: on a terminal in the
// place of what was there, else below it. `parameters` are asked for each time,
// with a scan the first time only: from then on the agent's sensors and its own
// scans find what changes. SIGINT and SIGTERM end the program with success.
//
// An agent that goes is waited for; that it went, and that it is back, is said:
// on a terminal below the table, else on `err`. Fails if there is none at
// first, or if what it printed cannot be written. Ends when nobody reads.
using WatchParameters = std::function<socket_api::Parameters(bool scan)>;
Result<> watch_containers(const std::string& socket,
                          const WatchParameters& parameters, Streams streams);

}  // namespace stillframe::cli
