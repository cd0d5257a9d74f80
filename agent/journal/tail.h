// SPDX-License-Identifier: Apache-2.0
//
// Where the journal ends.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/base/result.h"
#include "agent/journal/format.h"

namespace stillframe::journal {

// The last entry of a segment, as a checkpoint would have it, without node; its
// time is the event's.
Result<Checkpoint> last_line(const std::string& directory,
                             const SegmentName& name);

// The entry before a segment's first, as that names it: its number and hash.
Result<Checkpoint> before_first_line(const std::string& directory,
                                     const SegmentName& name);

struct End {
  std::uint64_t bytes = 0;         // of the segment
  std::optional<Checkpoint> last;  // none: the segment has no entry
  std::string torn;  // what was cut off, in a line; empty: nothing
};
// Cuts off what a crash left at the end of an open segment: part of a line, or
// blocks that never reached the disk. It is kept in the file `aside`. `fd` is
// open for reading and writing. What is further back than the longest entry is
// not looked at.
Result<End> cut_torn_end(int fd, const std::string& aside);

}  // namespace stillframe::journal
