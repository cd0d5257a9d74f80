// SPDX-License-Identifier: Apache-2.0
//
// Actors, each kept once: a package manager changes thousands of files. Records
// name a set of actors by its number. Bounded, since a fork bomb that touches
// files makes a new actor with each process; but however many come, a set keeps
// somebody of each origin, since a rule may hold for one and not for another.
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "agent/model/mutation.h"

namespace stillframe::drift {

using ActorId = std::uint32_t;
using ActorSet = std::uint32_t;
// How many actors a set has given up, those that came back counted again; stays
// at its maximum.
using LeftOut = std::uint16_t;

// What is true of both, of which one did it: ambiguous unless they are equal.
Actor in_common(const Actor& one, const Actor& other);

class ActorTable {
 public:
  static constexpr std::size_t kMaxPerSet = 16;
  static constexpr std::size_t kMaxActors = 16'384;
  static constexpr std::size_t kMaxSets = 65'536;

  ActorTable();

  // Beyond the bound, actors that differ only in pid and session become one,
  // and beyond twice the bound only the origin is kept.
  ActorId intern(const Actor& actor);
  const Actor& get(ActorId id) const { return *actors_[id]; }
  const SharedActor& share(ActorId id) const { return actors_[id]; }

  // Sets: 0 is the empty one; the actor that came last is at the end. Of a full
  // one the origin that has most gives up its oldest, and `left_out` counts it;
  // beyond the bound of sets, only the origins of the others are kept.
  ActorSet add(ActorSet set, ActorId actor, LeftOut& left_out);
  const std::vector<ActorId>& members(ActorSet set) const { return sets_[set]; }
  std::size_t size() const { return actors_.size(); }

 private:
  ActorId find_or_add(const Actor& actor);
  ActorId origin_alone(Origin origin);
  Origin origin_of(ActorId id) const { return get(id).origin; }
  std::vector<ActorId> one_of_each_origin(const std::vector<ActorId>& members);
  ActorSet set_of(std::vector<ActorId> members);

  std::vector<SharedActor> actors_;
  std::unordered_multimap<std::size_t, ActorId> by_hash_;
  std::vector<std::vector<ActorId>> sets_;
  std::unordered_multimap<std::size_t, ActorSet> sets_by_hash_;
};

// Which of `origins`, the oldest first, is to go: the oldest of the origin that
// has most.
std::size_t crowding(const std::vector<Origin>& origins);

}  // namespace stillframe::drift
