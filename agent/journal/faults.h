// SPDX-License-Identifier: Apache-2.0
//
// What is wrong with a journal, in words for whoever audits it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace stillframe::journal {

enum class FaultKind : std::uint8_t {
  changed,       // an entry: the next one's `prev` is another hash
  missing,       // entries
  out_of_order,  // an entry that is there twice, or elsewhere than it was
  renumbered,    // an entry whose place in the chain is not its number
  not_an_entry,  // a line
  unreadable,    // a segment, or a file in the place of one
  misnamed,      // a segment whose name is not its first entry
  two_versions,  // a segment that is there twice, not the same
  checkpoint,    // it does not fit the entries
  pruned,        // the same of what was removed for its age
  signature,     // missing, or not by the key that was given
  witness,       // Prometheus has seen another journal
};
// "out_of_order"
std::string_view word_of(FaultKind kind);

struct Fault {
  FaultKind kind{};
  std::string file;         // a segment, `checkpoint`, `pruned`; empty: none
  std::uint64_t line = 0;   // 0: the file as such
  std::uint64_t first = 0;  // entries, the last included; 0: none
  std::uint64_t last = 0;
  std::string what;  // what is said of them
};
// "0000000000000001.jsonl, line 5: entry 5 was changed: …"
std::string to_text(const Fault& fault);

// Keeps the first of them and counts the rest.
class Faults {
 public:
  explicit Faults(std::size_t most) : most_(most) {}

  // Where it is kept.
  std::size_t add(Fault fault);
  // The fault is about the entries up to this one, too.
  void extend(std::size_t at, std::uint64_t last);

  const std::vector<Fault>& kept() const { return kept_; }
  std::uint64_t count() const { return count_; }

  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

 private:
  std::size_t most_;
  std::vector<Fault> kept_;
  std::uint64_t count_ = 0;
};

// "entry 5", "entries 5–9"
std::string entries_text(std::uint64_t first, std::uint64_t last);

}  // namespace stillframe::journal
