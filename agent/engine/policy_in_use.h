// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/engine/context.h"
#include "agent/engine/fleet.h"
#include "agent/model/policy.h"

namespace stillframe::engine {

// The policy that judges: taken into use at start and by a reload, and again
// when one of its rules expires. A bad file keeps the policy in use and changes
// only the state that is shown.
class PolicyInUse {
 public:
  // Both outlive it. Takes context.settings.policy into use.
  PolicyInUse(Context& context, Fleet& fleet);

  void reload();
  // Expiry is a matter of the wall clock, which can be set: asked every turn.
  void check_expiry();
  const PolicyState& state() const { return state_; }

 private:
  void use(policy::PolicyPtr policy);
  void judge_again();

  Context& context_;
  Fleet& fleet_;
  PolicyState state_;
  std::int64_t rules_used_day_ = 0;  // since the epoch
};

}  // namespace stillframe::engine
