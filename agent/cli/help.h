// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace stillframe::cli {

// Examples for the help of a command, by its full name: "stillframe policy
// check"; "stillframe" is the program itself.
std::string_view examples_of(std::string_view command);

// What the states are that `ps` shows.
inline constexpr std::string_view kStates =
    R"(States:
  still    compared with the image that it was started from: nothing differs
           but what the policy tolerates
  mutated  changed against the policy: 'stillframe diff' shows by whom and how
  unknown  could not be compared: the last line of 'stillframe diff' says why)";

}  // namespace stillframe::cli
