// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace stillframe::cli {

// What the code below asks: `stillframe __complete WORD…`.
inline constexpr std::string_view kCompleteCommand = "__complete";

// Code by which `shell` (bash, zsh or fish) completes `stillframe`. It asks the
// program itself, and so never knows less than that.
std::string completion_script(std::string_view shell);

}  // namespace stillframe::cli
