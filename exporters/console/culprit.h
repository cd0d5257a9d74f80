// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/model/change_list.h"
#include "agent/model/mutation.h"
#include "agent/model/update.h"

namespace stillframe::console {

// Who it is, whichever of its processes did it: a session, and without one what
// goes by one name and came the same way.
struct Culprit {
  Actor actor;                              // its first
  std::vector<std::string> doers;           // tools, else names of processes
  std::vector<std::string> processes;       // "sh[17]"
  std::vector<std::string> users;           // "root", "uid 1000"
  std::set<std::uint64_t> updates;          // ids
  std::map<Verdict, std::uint64_t> counts;  // its paths
  WallTime first;
  WallTime last;
  std::size_t place =
      0;  // of those who did it, on the path that it was first at
  // Numbers of its changes in the list, in its order, those that are to be
  // shown: first violations that are more than another file (code that ran,
  // memory, mounts), then other violations, then what is tolerated.
  std::array<std::vector<std::uint32_t>, 3> shown;

  std::uint64_t paths() const;
  bool violates() const { return counts.contains(Verdict::violation); }
};

// The same of all actors that are one culprit.
std::string culprit_key(const Actor& actor);

// The changes of one container by who made them. A change that several made is
// each one's.
class Culprits {
 public:
  // `shown`: paths of each that are kept.
  explicit Culprits(std::size_t shown) : shown_(shown) {}

  void add(std::uint32_t number, const PathChange& change);
  // Those who violate first, then in the order in which they came; of two on
  // one path who was there first, who made it before who ran it.
  std::vector<Culprit> take();

 private:
  const std::vector<std::size_t>& of(const ActorList& actors);
  std::size_t number_of(const Actor& actor);

  const std::size_t shown_;
  std::vector<Culprit> all_;
  std::map<std::string, std::size_t> numbers_;
  // Most changes have the same actors as others: which culprits those are.
  std::unordered_map<const void*, std::vector<std::size_t>> lists_;
  std::vector<ActorList> held_;  // so that their ids stay their own
};

}  // namespace stillframe::console
