// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "agent/model/words.h"

namespace stillframe {

// A set of kinds that remembers the order in which the first ten came.
class KindList {
 public:
  KindList() = default;
  KindList(std::initializer_list<Kind> kinds) {
    for (const Kind kind : kinds) add(kind);
  }
  bool add(Kind kind);  // false: it was there
  void add(const KindList& other);
  void remove(Kind kind);
  bool has(Kind kind) const { return (mask_ & bit(kind)) != 0; }
  bool has_class(Class mutation_class) const;
  bool empty() const { return mask_ == 0; }
  bool only(Kind kind) const { return mask_ == bit(kind); }
  std::vector<Kind> list() const;
  // The most severe one, by class; of one class, the earliest.
  Kind worst() const;
  bool operator==(const KindList&) const = default;

 private:
  static constexpr unsigned kKindBits = 6;
  static constexpr unsigned kRemembered = 10;
  static constexpr unsigned kCountAt = kKindBits * kRemembered;

  static constexpr std::uint64_t bit(Kind kind) {
    return std::uint64_t{1} << static_cast<unsigned>(kind);
  }
  unsigned remembered() const {
    return static_cast<unsigned>(order_ >> kCountAt);
  }
  std::uint64_t mask_ = 0;
  // Six bits each, the first kind in the lowest; above them, how many there
  // are.
  std::uint64_t order_ = 0;
};
static_assert(kKindNames.size() <= 64);

// Of two classes the more severe one counts: code > kernel > memory > mounts >
// limits > content > metadata.
int severity(Class mutation_class);

}  // namespace stillframe
