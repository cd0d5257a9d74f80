// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "agent/drift/entry.h"

namespace stillframe::drift {

// What the scanner has reported of directories: where each was, and whether all
// in it was read. A partial scan enters those only that are new, came up at
// another place (all below them is to be compared with other lower
// directories), or could not be read before. It follows what a tree knows that
// takes in every result; it is not that tree, which another thread owns.
class SeenDirectories {
 public:
  // Of a scan of everything, or when a result will not be taken in.
  void clear();
  void begin();
  // A directory was met. True when nothing in it is news.
  bool met(const Entry& directory);
  // All in it was read, here or where it was before.
  bool ever_read(const InodeId& directory) const;
  // All in it was read since it was met.
  void read(const InodeId& directory);
  // What this scan looked for: one name, or all names of a directory. Known
  // directories that it did not meet there are gone from there.
  void asked(const InodeId& parent, const std::string& name);
  void listed(const InodeId& parent);
  void end();

  std::size_t size() const { return records_.size(); }

 private:
  struct Record {
    std::uint64_t place = 0;  // hash of parent and name
    std::uint32_t parent = 0;
    std::uint32_t met : 30 = 0;  // the scan that met it last
    std::uint32_t read : 1 = 0;
    std::uint32_t ever_read : 1 = 0;  // at another place, perhaps
  };

  std::unordered_map<InodeId, Record> records_;
  std::uint32_t scan_ = 0;
  std::unordered_set<std::uint64_t> asked_;
  std::unordered_set<std::uint32_t> listed_;
};

}  // namespace stillframe::drift
