// SPDX-License-Identifier: Apache-2.0
#include "agent/yaml/problem.h"

#include <fmt/format.h>

#include "agent/base/text.h"

namespace stillframe {

std::string describe(const std::string& file,
                     const std::vector<Problem>& problems) {
  std::string out;
  for (const auto& problem : problems) {
    out += fmt::format("{}:{}:{}: {}{}\n", printable(file), problem.line,
                       problem.column, problem.warning ? "warning: " : "",
                       problem.message);
    if (!problem.hint.empty()) out += "  hint: " + problem.hint + '\n';
  }
  return out;
}

}  // namespace stillframe
