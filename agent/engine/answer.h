// SPDX-License-Identifier: Apache-2.0
//
// What is said of a container to those who ask for its changes.
#pragma once

#include "agent/engine/container.h"
#include "exporters/agent_api.h"

namespace stillframe::engine {

DiffAnswer answer_about(Container& container, DiffPart part);
// All of it, for when the container is gone.
DiffAnswer last_state_of(Container& container, const Gone& gone);

}  // namespace stillframe::engine
