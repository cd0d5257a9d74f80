// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/cli/commands.h"
#include "agent/cli/options.h"

namespace stillframe::cli {

// `stillframe audit report`: of the journals of one node or several; no agent
// has to run. 1: none could be made, or a journal has faults.
int run_audit_report(const Options& options, const std::string& version,
                     Streams streams = {});

}  // namespace stillframe::cli
