// SPDX-License-Identifier: Apache-2.0
//
// What the journal is on disk (docs/journal.md, a contract). Its directory has
//
//   0000000000000001.jsonl.zst   a closed segment, named by its first entry
//   0000000000048212.jsonl       the one that is written to
//   checkpoint                   how far the journal went, signed with a key
//   pruned                       the same of what was removed for its age
//
// A line is an entry: an event's JSON, with two members before all others,
//
//   {"prev":"<64 hex digits>","entry":48212,"actor":…}
//
// `prev` is the SHA-256 of the line before it without its newline, 64 zeros in
// the first of all. They stand at fixed places, so that no text of a container
// can be taken for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/base/sha256.h"

namespace stillframe::journal {

// In hex digits, of SHA-256.
constexpr std::size_t kHashDigits = 64;
constexpr std::string_view kNoHash =
    "0000000000000000000000000000000000000000000000000000000000000000";
// No entry is longer, whatever names and command lines are in it; what is
// longer was not written by an agent.
constexpr std::size_t kMostLine = 1 << 20;

// A line without its newline. `event` is one JSON object with a member at
// least.
std::string make_line(std::string_view prev, std::uint64_t entry,
                      std::string_view event);

// Where in a line the number of the entry begins: behind it and a comma come
// the members of the event.
constexpr std::size_t kPlaceInChain = 9 + kHashDigits + 10;

struct Line {
  std::string_view prev;
  std::uint64_t entry = 0;
};
// Of a line without its newline; nothing: it does not begin as an entry does,
// or does not end as an object. What is between is not looked at.
std::optional<Line> parse_line(std::string_view line);

constexpr std::string_view kCheckpointFile = "checkpoint";
constexpr std::string_view kPrunedFile = "pruned";

struct SegmentName {
  std::uint64_t first = 0;  // its first entry's number
  bool closed = false;      // compressed, not written to any more
  bool operator==(const SegmentName&) const = default;
};
std::string to_string(const SegmentName& name);
std::optional<SegmentName> parse_segment_name(std::string_view file);

// How far the chain went at some time: its last entry and that one's hash. In
// its file the first line is this as JSON; the second, if a key signs, the
// Ed25519 signature of the first without its newline, in base64 (RFC 8032,
// 4648). Both are replaced in one step.
struct Checkpoint {
  // Which of the two files it is of: signed with the rest, so that an old one
  // of the one cannot stand for the other.
  std::string file = std::string(kCheckpointFile);
  std::string node;
  WallTime time;            // when this was written
  std::uint64_t entry = 0;  // 0: there is none yet
  std::uint64_t seq = 0;    // that event's sequence number
  std::string head;         // the hash of its line
  std::string key;          // fingerprint of the key; empty: not signed
  bool operator==(const Checkpoint&) const = default;
};
// One line without its newline.
std::string to_text(const Checkpoint& checkpoint);
// Of that line.
Result<Checkpoint> parse_checkpoint(std::string_view line);

}  // namespace stillframe::journal
