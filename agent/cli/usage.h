// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/Error.hpp>
#include <string>

#include "agent/cli/grammar/grammar.h"
#include "agent/cli/parse.h"

namespace stillframe::cli {

// The command that was given: `policy check`, not `policy`; the program itself
// if none was.
const CLI::App& chosen(const CLI::App& app);

// What to say of a command line that is wrong: `message`, and where help is.
Exit usage(const CLI::App& command, const std::string& message);

// The same of one that CLI11 refuses, naming what was probably meant.
Exit usage(const Grammar& grammar, const CLI::Error& error);

// The same of one that names no command, or no command of a family: it lists
// them.
Exit missing_command(const CLI::App& family);

// "there is no command 'pss': did you mean 'ps'?"
std::string unknown_command(const CLI::App& family, const std::string& word);

}  // namespace stillframe::cli
