// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/base/result.h"
#include "agent/cli/commands.h"
#include "exporters/socket/client.h"

namespace stillframe::cli {

// Prints events as they come, over restarts of the agent: then it goes on
// behind the last one that was printed. Until nobody reads any more, or an
// answer is an error. `parameters` as for the endpoint.
Result<> follow_events(const std::string& socket,
                       const socket_api::Parameters& parameters,
                       Streams streams);

}  // namespace stillframe::cli
