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
  const PathVerdict* find(const RecordKey& place) const;
  const Below* below(const InodeId& directory) const;

  void clear();

  std::uint64_t violating_paths() const { return violating_; }
  const std::map<std::pair<Class, Origin>, std::uint64_t>& violations() const {
    return violations_;
  }

 private:
  struct PlaceHash {
    std::size_t operator()(const RecordKey& key) const {
      return std::hash<std::string>()(key.name) ^
             (key.inode.ino * 0x9E3779B97F4A7C15u);
    }
  };
  struct PlaceEqual {
    bool operator()(const RecordKey& a, const RecordKey& b) const {
      return a.inode.ino == b.inode.ino && a.name == b.name;
    }
  };
  void count(const PathVerdict& path_verdict, int by);
  bool count_below(Below& below, const PathVerdict& path_verdict, int by);

  std::unordered_map<RecordKey, PathVerdict, PlaceHash, PlaceEqual> places_;
  std::unordered_map<std::uint64_t, Below> below_;
  std::uint64_t violating_ = 0;
  std::map<std::pair<Class, Origin>, std::uint64_t> violations_;
};

// violation > allowed > scratch > runtime > restored
bool worse(Verdict a, Verdict b);

}  // namespace stillframe::drift
