// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace stillframe::cli {

struct CommandWords {
  std::string name;
  std::string description;
  std::vector<std::string> flags;  // with their dashes
};

// Shell code that completes `stillframe`.
std::string bash_completion(const std::vector<CommandWords>& commands);
std::string zsh_completion(const std::vector<CommandWords>& commands);

}  // namespace stillframe::cli
