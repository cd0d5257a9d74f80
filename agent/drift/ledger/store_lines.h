// SPDX-License-Identifier: Apache-2.0
//
// The lines of a kept ledger: JSON arrays whose first element says what they
// are, after a header. What cannot be understood is refused, never guessed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/drift/ledger/actors.h"
#include "agent/drift/ledger/ledger.h"
#include "agent/drift/ledger/life.h"

namespace stillframe::drift {

// What is kept besides the records.
struct StoredState {
  bool ever_mutated = false;
  WallTime first_mutation;  // 0: none
  std::uint64_t overflow = 0;
  bool operator==(const StoredState&) const = default;
};

std::string header_line(const std::string& id, const InodeId& root);
std::string state_line(const StoredState& state);
std::string life_line(const Life& life);
// Actors have numbers of their own in the file.
std::string actor_line(std::uint32_t number, const Actor& actor);
std::string record_line(const RecordKey& key, const Record& record,
                        const std::vector<std::uint32_t>& actors,
                        const std::string& from, WallTime ctime_moved);
std::string erased_line(const RecordKey& key);

// `other`: of another container; `unknown`: of a version that is not known.
enum class Header { ours, other, unknown, bad };
Header read_header(std::string_view line, const std::string& id,
                   const InodeId& root);

// Everything that the lines fill, one after the other.
struct StoredLines {
  ActorTable& actors;
  Ledger& ledger;
  StoredState& state;
  Life& life;
  std::unordered_map<std::uint32_t, ActorId> by_number = {};
  std::uint32_t next_number = 0;
};
// False: the line is damaged.
bool read_line(std::string_view line, StoredLines& to);

}  // namespace stillframe::drift
