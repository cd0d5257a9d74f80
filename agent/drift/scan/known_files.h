// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/flat_table.h"
#include "agent/model/inode.h"

namespace stillframe::drift {

// Files that were reported as the container's own and of which nothing is to be
// known but what stat(2) shows: while that is the same at the same place, they
// need no other look, nor an entry. Of each no more is kept than a digest, with
// a key that no container knows, at 9 to 18 bytes.
//
// It follows what a tree knows that takes in every result, as SeenDirectories
// does; the tree finds out where that is not so (UpperTree::Delta::missed).
class KnownFiles {
 public:
  // As many as a container's ledger has records of (LedgerOptions); those
  // beyond are looked at each time.
  static constexpr std::size_t kMost = 131'072;

  void clear() { digests_.clear(); }
  std::size_t size() const { return digests_.size(); }

  // Of a directory by that of the one above it, so that a path of any length
  // costs the same. The root's is 0.
  static std::uint64_t directory_digest(std::uint64_t above,
                                        std::string_view name);
  // `directory`: by its path, as above, and by its inode.
  static std::uint64_t digest(std::uint64_t path, const InodeId& directory,
                              std::string_view name, const struct stat& st);
  // Whether it can be one of these: files with one name, and that have been as
  // they are for so long at `now` that the next change gives another ctime.
  static bool can_be_known(const struct stat& st);
  static bool settled(const struct stat& st, WallTime now);

  bool has(std::uint64_t digest) const {
    return digests_.find(digest) != nullptr;
  }
  void add(std::uint64_t digest) {
    if (size() < kMost) digests_.put(digest);
  }

 private:
  static std::uint64_t itself(const std::uint64_t& digest) { return digest; }

  FlatTable<std::uint64_t, itself> digests_;
};

}  // namespace stillframe::drift
