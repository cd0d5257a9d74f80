// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <toml++/toml.h>
#include <string>
#include <string_view>

#include "agent/base/result.h"

namespace stillframe {

// A TOML file's content. Errors begin with `name`:LINE:COLUMN.
Result<toml::table> parse_toml(std::string_view text, const std::string& name);

}  // namespace stillframe
