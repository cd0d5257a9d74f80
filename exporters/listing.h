// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>

namespace stillframe {

// A text of many rows, each made when it is read: of a million changes no more
// than a few are ever text.
struct Listing {
  std::string head;
  std::size_t rows = 0;
  std::function<std::string(std::size_t)> row;
  std::string tail;
};

inline std::string whole(const Listing& listing) {
  std::string out = listing.head;
  for (std::size_t i = 0; i < listing.rows; ++i) out += listing.row(i);
  return out + listing.tail;
}

}  // namespace stillframe
