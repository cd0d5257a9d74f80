// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/watched.h"

namespace stillframe::engine {

ContainerView view_of(const Watched& watched) {
  ContainerView view;
  view.info = watched.record.info;
  view.started = watched.started;
  view.running = watched.running;
  if (!watched.drift) {
    view.complete = false;
    return view;
  }
  const drift::DriftSummary summary = watched.drift->summary();
  view.state = summary.state;
  view.ever_mutated = summary.ever_mutated;
  view.complete = summary.complete;
  view.mutated_paths = summary.mutated_paths;
  view.first_mutation = summary.first_mutation;
  view.violations = summary.violations;
  view.last_actor = summary.last_actor;
  return view;
}

}  // namespace stillframe::engine
