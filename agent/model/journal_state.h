// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace stillframe {

// How the journal stands.
struct JournalState {
  std::uint64_t entries = 0;  // the last one's number, of all agents' together
  std::uint64_t head = 0;     // the first 48 bits of its hash
  std::uint64_t bytes = 0;    // on the disk
  std::uint64_t segments = 0;
  // Entries that are in no journal, by reason: write_failed, queue_full.
  std::map<std::string, std::uint64_t> lost;
  std::uint64_t write_errors = 0;
  std::string error;  // the last one, while it lasts
};

}  // namespace stillframe
