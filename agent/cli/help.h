// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace stillframe::cli {

// Examples for the help of a subcommand; "" is the whole program.
std::string_view examples_of(std::string_view subcommand);

}  // namespace stillframe::cli
