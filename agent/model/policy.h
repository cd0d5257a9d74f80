// SPDX-License-Identifier: Apache-2.0
//
// What the agent says of its policy.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/clock.h"
#include "agent/model/words.h"

namespace stillframe {

// The policy in use.
struct PolicyState {
  std::string file;  // empty: the built-in scratch places only
  std::uint64_t rules = 0;
  std::vector<std::string> expired;  // names of rules that hold no more
  bool load_success = true;          // of the latest attempt
  WallTime last_success;             // when the policy in use was loaded
  std::string error;                 // of a failed attempt, several lines
  std::string sha256 = {};           // of the file in use; empty: there is none
  // Of rules that have one: the first instant at which each is over.
  std::vector<std::pair<std::string, WallTime>> expiries = {};
};

// What changes of one class at one path would be judged to be.
struct PolicyVerdict {
  Class mutation_class = Class::content;
  std::vector<Kind> kinds;      // empty: all of the class
  std::vector<Origin> origins;  // empty: all
  Verdict verdict = Verdict::violation;
  std::string rule;      // empty: none decides
  std::size_t line = 0;  // of the rule in the policy file
  std::string why;
};

}  // namespace stillframe
