// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace stillframe::engine {

// The host's users by /etc/passwd alone: a directory service may take long to
// answer, and asking it may start processes.
class Users {
 public:
  explicit Users(std::string path = "/etc/passwd") : path_(std::move(path)) {}

  // Empty: it has no such user, or could not be read.
  std::string name_of(std::uint32_t uid);

 private:
  std::string path_;
  std::string stamp_;  // of what was read last
  std::string text_;
};

}  // namespace stillframe::engine
