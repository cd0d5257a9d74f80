// SPDX-License-Identifier: Apache-2.0
//
// Holds a journal against what Prometheus has scraped of it: at some time N
// was its last entry, and these were the first bits of that one's hash. Whoever
// changes files on the machine cannot change that.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/journal/verify.h"

namespace stillframe::journal {

// Of stillframe_journal_entries_total and stillframe_journal_head, at once.
struct Scrape {
  std::uint64_t entry = 0;
  std::uint64_t head = 0;  // 48 bits
  WallTime time;
  auto operator<=>(const Scrape&) const = default;
};

constexpr std::string_view kEntriesMetric = "stillframe_journal_entries_total";
constexpr std::string_view kHeadMetric = "stillframe_journal_head";

// The first 48 bits, of 64 hex digits.
std::uint64_t head_bits(std::string_view hash);

// What the HTTP API answers to two range selectors, one for each metric, paired
// by the time of the scrape and by labels.
Result<std::vector<Scrape>> pair_scrapes(std::string_view entries_answer,
                                         std::string_view head_answer);

// What came of it.
struct Testimony {
  std::uint64_t agreed = 0;     // different entries
  std::uint64_t unchecked = 0;  // of what was pruned, or is not there
  std::uint64_t last = 0;       // the last entry that agreed
  WallTime last_time;           // and when it was scraped
};

class Witness {
 public:
  explicit Witness(std::vector<Scrape> scrapes);

  // Each entry of the journal.
  void see(std::uint64_t entry, std::string_view hash);
  // Once all were seen: adds what does not agree.
  Testimony conclude(Verification& verification) const;

 private:
  enum class State : std::uint8_t { unseen, agrees, differs };
  struct Claim {
    Scrape scrape;
    State state = State::unseen;
  };

  std::vector<Claim> claims_;  // by entry
};

}  // namespace stillframe::journal
