// SPDX-License-Identifier: Apache-2.0
//
// Settings of `run` that come from elsewhere than the command line.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "agent/base/result.h"

namespace stillframe::cli {

// STILLFRAME_ and the flag in capitals: "web.listen-address" gives
// STILLFRAME_WEB_LISTEN_ADDRESS.
std::string environment_name(std::string flag);

// The options of `run` that are settings: of the environment and the file, too.
std::vector<const CLI::Option*> settings_of(const CLI::App& run);

// Gives `option` the value of its environment variable, unless the command line
// gave it one or the variable is empty.
Result<> apply_environment(CLI::Option& option);

// Whether settings of `run` that are each right go together.
Result<> check_together(const CLI::App& run);

// Gives the options of `run` that still have no value those of the file.
Result<> apply_config_file(CLI::App& run, const std::string& path);

// What a configuration file with the settings in effect looks like; without
// addresses where there are none in effect.
std::string effective_config(const CLI::App& run);

}  // namespace stillframe::cli
