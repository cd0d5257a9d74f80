// SPDX-License-Identifier: Apache-2.0
//
// The running totals over all judged paths, kept up with each change so that
// asking costs nothing. A directory knows what was judged below it, from which
// one that changed only because its entries did takes its verdict; it is in no
// total.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/base/flat_table.h"
#include "agent/drift/ledger/record.h"
#include "agent/model/words.h"

namespace stillframe::drift {

// The judgement of one path.
struct PathVerdict {
  Verdict verdict = Verdict::violation;
  Class mutation_class = Class::content;
  Origin origin = Origin::unattributed;
  bool unexplained = false;  // nobody seen, and not the runtime's own work
  bool operator==(const PathVerdict&) const = default;
};

class VerdictTotals {
 public:
  struct Below {
    std::array<std::uint32_t, kVerdictNames.size()> verdicts{};
    std::uint32_t unexplained = 0;

    bool any() const;
    Verdict worst() const;  // any() must hold
  };
  using ParentOf = std::function<InodeId(const InodeId&)>;

  // Judges a place again, or (nullopt) says that there is nothing to judge any
  // more. `place` is (directory, name); of what lies outside the tree
  // (no inode, path). Directories whose Below changed in kind (a verdict that
  // is new or gone below it, or unexplained) are given to `shifted`.
  void set(const RecordKey& place,
           const std::optional<PathVerdict>& path_verdict,
           const ParentOf& parent_of,
           const std::function<void(const InodeId&)>& shifted);
  const Below* below(const InodeId& directory) const;

  void clear();

  const VerdictCounts& verdicts() const { return verdicts_; }
  std::uint64_t violating_paths() const {
    return verdicts_[static_cast<std::size_t>(Verdict::violation)];
  }
  const std::map<std::pair<Class, Origin>, std::uint64_t>& violations() const {
    return violations_;
  }

 private:
  void count(const PathVerdict& path_verdict, int by);
  bool count_below(Below& below, const PathVerdict& path_verdict, int by);

  // By a keyed hash of the place: names are in the tree already, and may be
  // long. Its 54 bits and the verdict are one number. That two of 131 072
  // places (kMost of KnownFiles) meet has a chance of one in two million, and
  // nobody can bring it about.
  static std::uint64_t hash_of(const RecordKey& place);
  static std::uint64_t hash_in(const std::uint64_t& slot);

  FlatTable<std::uint64_t, hash_in> places_;
  std::unordered_map<std::uint64_t, Below> below_;
  VerdictCounts verdicts_{};
  std::map<std::pair<Class, Origin>, std::uint64_t> violations_;
};

// violation > allowed > scratch > runtime > restored
bool worse(Verdict a, Verdict b);

}  // namespace stillframe::drift
