// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/engine/context.h"
#include "agent/engine/fleet.h"

namespace stillframe::engine {

// What the state directory has of containers that went while no agent was
// there. Their last states are put to those of others that are gone. A ledger
// stays for as long as the journal's entries do: a store that is not mounted
// yet has containers, too.
class Leftovers {
 public:
  // Both outlive it.
  Leftovers(Context& context, Fleet& fleet);

  // Once all containers are known, at the start.
  void turn(bool all_known);

 private:
  void look_at(const std::string& directory, const std::string& file);

  Context& context_;
  Fleet& fleet_;
  bool done_ = false;
};

}  // namespace stillframe::engine
