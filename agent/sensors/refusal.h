// SPDX-License-Identifier: Apache-2.0
//
// Why the kernel did not take a program, in words that help.
#pragma once

#include <string>

namespace stillframe::sensors {

// A program that could not be loaded or attached.
struct Refusal {
  std::string program;  // the section it is in: fexit/ovl_write_iter; or empty
  int error = 0;        // errno; 0: it was not tried
  std::string answer;   // what libbpf or the verifier said last; may be empty
};

struct Explanation {
  std::string meaning;
  std::string fix;  // empty: there is none
};

Explanation explain(const Refusal& refusal);

// "fexit/ovl_write_iter: Operation not permitted"
std::string to_string(const Refusal& refusal);

}  // namespace stillframe::sensors
