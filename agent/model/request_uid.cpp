// SPDX-License-Identifier: Apache-2.0
#include "agent/model/request_uid.h"

#include <algorithm>

namespace stillframe {
namespace {

constexpr std::string_view kVariable = "SPO_EXEC_REQUEST_UID=";

// The next part, which `rest` then begins behind.
std::string_view next_of(std::string_view& rest) {
  const std::string_view part = rest.substr(0, rest.find('\0'));
  rest.remove_prefix(std::min(part.size() + 1, rest.size()));
  return part;
}

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

std::string_view set_by_env(std::string_view arguments) {
  std::string_view program = base_name(next_of(arguments));
  if (program == "busybox") program = next_of(arguments);
  if (program != "env") return {};
  std::string_view found;
  while (!arguments.empty()) {
    const std::string_view part = next_of(arguments);
    if (part.substr(0, kVariable.size()) == kVariable) {
      found = part.substr(kVariable.size());
    } else if (part.find('=') == std::string_view::npos &&
               part.substr(0, 1) != "-") {
      break;
    }
  }
  return found;
}

}  // namespace

std::string request_uid(std::string_view arguments,
                        std::string_view environment) {
  std::string_view found = set_by_env(arguments);
  while (found.empty() && !environment.empty()) {
    const std::string_view part = next_of(environment);
    if (part.substr(0, kVariable.size()) == kVariable) {
      found = part.substr(kVariable.size());
    }
  }
  return std::string(found.substr(0, kMaxRequestUid));
}

}  // namespace stillframe
