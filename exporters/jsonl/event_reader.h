// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "exporters/agent_api.h"

namespace stillframe::jsonl {

// The inverse of event_json(). What it does not know, as of a later agent, is
// left out. Nothing: `line` is not an event.
std::optional<StreamEvent> event_from_json(std::string_view line);

}  // namespace stillframe::jsonl
