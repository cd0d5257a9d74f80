// SPDX-License-Identifier: Apache-2.0
//
// Follows entries from one to the next and says where they do not fit. What is
// wrong is said once: behind it the chain goes on with what is there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/journal/faults.h"
#include "agent/journal/format.h"

namespace stillframe::journal {

// Where a line stands.
struct Place {
  SegmentName segment;
  std::uint64_t line = 0;
};

class Chain {
 public:
  struct Entry {
    std::uint64_t number = 0;
    std::string hash;
  };

  explicit Chain(Faults& faults) : faults_(faults) {}

  // What came before the next line and was removed for its age. Without, the
  // next line is the first of all.
  void begin(const Checkpoint& pruned);
  // It is not known what came before.
  void begin_anywhere();
  // The next line; nothing: it is not an entry.
  std::optional<Entry> take(const Place& place, std::string_view text);
  // A line that cannot be read in full.
  void take_damaged(const Place& place, std::string what);

  // Of those that were there.
  std::uint64_t first() const { return first_; }
  std::uint64_t last() const { return last_; }
  std::uint64_t count() const { return count_; }
  // Lines at the end that may have been entries once.
  std::uint64_t damaged_at_end() const { return damaged_; }

 private:
  struct Track {
    std::uint64_t entry = 0;
    std::optional<std::string> hash;    // nothing: any will do for the next
    Place place;                        // line 0: it was removed for its age
    std::size_t fault = Faults::kNone;  // it grows with each entry
    bool takes_over = false;            // once an entry fits
  };

  static bool fits(const Track& track, const Line& line);
  void start(const Line& line);
  void follow(const Place& place, const Line& line, const std::string& hash);
  void say_changed(const Track& track, const Place& place);

  Faults& faults_;
  bool started_ = false;
  std::uint64_t removed_ = 0;  // up to this entry,
  std::string removed_head_;   // whose hash this is
  Track main_;
  // Entries out of place are followed apart: a segment in the place of another
  // is one fault, and so is an entry whose number is beyond all others.
  std::optional<Track> stray_;
  std::size_t changed_ = Faults::kNone;  // the last of its kind,
  std::uint64_t changed_last_ = 0;       // and what it ends with
  std::uint64_t damaged_ = 0;            // lines since the last good one
  std::uint64_t first_ = 0;
  std::uint64_t last_ = 0;
  std::uint64_t count_ = 0;
};

}  // namespace stillframe::journal
