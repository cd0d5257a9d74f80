// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/journal/format.h"

namespace stillframe::journal {

struct Listing {
  // In the order of their first entries; of two with the same the one that is
  // not closed comes first.
  std::vector<SegmentName> segments;
  // What has a segment's name and is none, such as a symbolic link: nothing is
  // read through it.
  std::vector<Error> refused;
};

// Other names are nobody's business here.
Result<Listing> list_segments(const std::string& directory);

}  // namespace stillframe::journal
