// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace stillframe {

// What is wrong in a file, and where. Lines and columns count from 1, columns
// in bytes.
struct Problem {
  std::size_t line = 1;
  std::size_t column = 1;
  std::string message;
  std::string hint;  // what to do about it; empty: the message says it
  bool warning = false;
};

struct Place {
  std::size_t line = 1;
  std::size_t column = 1;
};

// One "FILE:LINE:COLUMN: message" per problem, its hint on the next line; each
// line ends with a newline. Warnings say so.
std::string describe(const std::string& file,
                     const std::vector<Problem>& problems);

}  // namespace stillframe
