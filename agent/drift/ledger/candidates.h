// SPDX-License-Identifier: Apache-2.0
//
// Who changed something in a directory when the event could not say what: until
// the directory has been looked at again, each of them may have been the one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/drift/ledger/actors.h"
#include "agent/model/inode.h"
#include "agent/model/observation.h"

namespace stillframe::drift {

struct Candidate {
  ActorId actor = 0;
  FileOp op = FileOp::unknown;
  std::uint64_t first_ns = 0;  // boot time
  std::uint64_t last_ns = 0;
  std::string hint;  // base name of the path the caller passed
  bool live = false;
  bool own = false;  // before the container's first life
};

struct Choice {
  Candidate candidate;
  bool ambiguous = false;
};

class Candidates {
 public:
  static constexpr std::size_t kMaxPerDirectory = 16;
  static constexpr std::size_t kMaxDirectories = 4096;
  // The kernel stamps ctime with a coarse clock, a little behind.
  static constexpr std::int64_t kSlackNs = 1'000'000'000;

  void add(const InodeId& directory, Candidate candidate);

  // Of those in the directory, who made the entry `name` what it is. When
  // `made_at_boot_ns` is given, those that began later than that cannot have.
  std::optional<Choice> choose(
      const InodeId& directory, std::string_view name,
      std::optional<std::int64_t> made_at_boot_ns) const;

  // A scan that began at `started` has shown what those before it did.
  void settle(const InodeId& directory, std::uint64_t started);
  void settle_all(std::uint64_t started);
  void drop(const InodeId& directory) { by_directory_.erase(directory.ino); }

 private:
  std::unordered_map<std::uint64_t, std::vector<Candidate>> by_directory_;
};

// The last component of a path, without trailing slashes.
std::string base_name(std::string_view path);

}  // namespace stillframe::drift
