// SPDX-License-Identifier: Apache-2.0
//
// Finds what was changed, removed, added or swapped in a journal. An agent may
// be writing it meanwhile.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/journal/faults.h"
#include "agent/journal/format.h"
#include "agent/journal/signature.h"

namespace stillframe::journal {

struct VerifyOptions {
  // Public ones; of several each may have signed, as after a change of keys.
  std::vector<Key> keys;
  // The rest is counted.
  std::size_t most_faults = 100;
  // Each entry that is there, with its hash and its line.
  std::function<void(std::uint64_t entry, std::string_view hash,
                     std::string_view line)>
      on_entry = nullptr;
  // Bytes on disk, now and then.
  std::function<void(std::uint64_t done, std::uint64_t of)> progress = nullptr;
};

struct Verification {
  std::uint64_t entries = 0;
  std::uint64_t segments = 0;
  std::uint64_t first = 0;  // entries; 0: there are none
  std::uint64_t last = 0;
  std::optional<WallTime> first_time;
  std::optional<WallTime> last_time;
  std::optional<Checkpoint> checkpoint;
  std::optional<Checkpoint> pruned;
  bool signature_good = false;  // the checkpoint's, by a key that was given
  std::vector<Fault> faults;
  std::uint64_t fault_count = 0;   // those that were not kept included
  std::vector<std::string> notes;  // what is worth saying and is no fault

  // The last entry whose content the checkpoint vouches for.
  std::uint64_t covered() const {
    return checkpoint ? std::min(checkpoint->entry, last) : 0;
  }
};

// Of the first entry that is there.
std::optional<WallTime> begin_of(const std::string& directory);

// Fails where there is no journal to read.
Result<Verification> verify(const std::string& directory,
                            const VerifyOptions& options);

}  // namespace stillframe::journal
