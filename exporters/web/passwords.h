// SPDX-License-Identifier: Apache-2.0
//
// Whether a password is the one of a bcrypt hash (crypt(5)). To compute one
// takes a tenth of a second and more, so what was right is remembered: a client
// that asks every few seconds costs one hash.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <unordered_set>

#include "exporters/web/config.h"
#include "exporters/web/credentials.h"

namespace stillframe::web {

class Passwords {
 public:
  Passwords();

  // Whether check() knows the answer without computing a hash.
  bool knows(const Users& users, const Credentials& given) const;
  // Takes as long for a user that does not exist. `users` is not empty.
  bool check(const Users& users, const Credentials& given);

 private:
  std::string key_of(const std::string& hash, const Credentials& given) const;

  // Beyond it all are forgotten. One for each user, but passwords that differ
  // after 72 bytes are the same to bcrypt.
  static constexpr std::size_t kMostRemembered = 100;

  std::string secret_;  // so that what is remembered is of no use to anybody
  mutable std::mutex mutex_;
  std::unordered_set<std::string> right_;
};

}  // namespace stillframe::web
