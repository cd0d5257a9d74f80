// SPDX-License-Identifier: Apache-2.0
//
// A list that may have holes: what was found, and what could not be read. What
// is not in it is known to be absent only where there are no errors.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "agent/base/result.h"

namespace stillframe::containers {

template <typename T>
struct Listing {
  std::vector<T> items;
  std::vector<Error> errors;

  bool complete() const { return errors.empty(); }
};

// With no descriptors left each of ten thousand reads fails: some will do.
inline void note_error(std::vector<Error>& errors, Error error) {
  constexpr std::size_t kMaxErrors = 32;
  if (errors.size() < kMaxErrors) errors.push_back(std::move(error));
}

inline void note_errors(std::vector<Error>& errors,
                        const std::vector<Error>& more) {
  for (const auto& error : more) note_error(errors, error);
}

}  // namespace stillframe::containers
