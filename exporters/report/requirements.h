// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace stillframe::report {

// What a public text asks for, and what of a report is evidence for it. None is
// met by a report alone.
struct Requirement {
  std::string_view source;
  std::string_view number;
  std::string_view asks;      // in our words
  std::string_view evidence;  // which parts of the report
  std::string_view not_this;  // what of it has to be shown elsewhere
};

const std::vector<Requirement>& requirements();

// What no report can say, whatever is in the journal.
const std::vector<std::string>& limits();

}  // namespace stillframe::report
