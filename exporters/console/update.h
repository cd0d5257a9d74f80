// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/model/update.h"

namespace stillframe::console {

// One line, without its newline: "apt "apt-get install jq", 9 paths, packages:
// jq 1.6". `paths`: with their number.
std::string update_text(const Update& update, bool paths);

}  // namespace stillframe::console
