// SPDX-License-Identifier: Apache-2.0
//
// Policy files: YAML in, a Policy or all that is wrong with the file out.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/policy/policy.h"
#include "agent/yaml/problem.h"

namespace stillframe::policy {

// `policy` is there unless a problem is more than a warning. It is as of `now`.
struct Reading {
  std::optional<Policy> policy;
  std::vector<Problem> problems;  // by place
};

Reading read_policy(std::string_view text, WallTime now);

// The same for a file; the error is that it could not be read at all.
Result<Reading> read_policy_file(const std::string& path, WallTime now);

// The policy of a file as a Result, for whoever wants it or nothing: the error
// is describe()'s text.
Result<PolicyPtr> load_policy(const std::string& path, WallTime now);

// All keys of the language, by where they stand: for the reference to be held
// against.
struct KeySet {
  std::string_view where;
  std::span<const std::string_view> keys;
};
std::span<const KeySet> key_sets();

}  // namespace stillframe::policy
