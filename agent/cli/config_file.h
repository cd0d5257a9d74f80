// SPDX-License-Identifier: Apache-2.0
//
// The file of --config.file, in TOML: the long flags without their dashes, in
// one piece or in sections.
//
//   log.level = "debug"
//   [web]
//   listen-address = [":12015", "[::1]:12016"]
//
// CLI11's own reader is not used: it takes the dots of our flags for
// subcommands, and its errors know no line numbers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace stillframe::cli {

struct ConfigEntry {
  std::string key;  // as the flag, without dashes: "web.listen-address"
  std::vector<std::string> values;
  std::string place;  // NAME:LINE:COLUMN
};

// In the file's order. Errors begin with `name`:LINE:COLUMN.
Result<std::vector<ConfigEntry>> parse_config(std::string_view text,
                                              const std::string& name);

// "a \"quoted\" text"
std::string quote_config(std::string_view value);

}  // namespace stillframe::cli
