// SPDX-License-Identifier: Apache-2.0
//
// What stays true of a container whatever becomes of its paths: that it was
// mutated, since when, and who did it last.
#pragma once

#include <optional>

#include "agent/base/clock.h"
#include "agent/drift/ledger/actors.h"

namespace stillframe::drift {

class History {
 public:
  // What was kept from before. When the last violation was is found again from
  // the records of those that are still there, and is until then, and of those
  // that are not, no earlier than the first.
  void load(bool ever_mutated, WallTime first_mutation);
  // A violation that lasted from `first` to `last`. No actor: none is known.
  void violated(WallTime first, WallTime last, std::optional<ActorId> by);

  bool ever_mutated() const { return ever_mutated_; }
  WallTime first_mutation() const { return first_mutation_; }  // 0: none
  WallTime last_mutation() const { return last_mutation_; }    // 0: none
  std::optional<ActorId> last_actor() const;

 private:
  struct Newest {
    WallTime time;
    ActorId actor = 0;
  };
  bool ever_mutated_ = false;
  WallTime first_mutation_;
  WallTime last_mutation_;
  std::optional<Newest> newest_;
};

}  // namespace stillframe::drift
