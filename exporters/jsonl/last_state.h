// SPDX-License-Identifier: Apache-2.0
//
// The last state of a container that is gone, as the agent keeps it: JSON
// lines. The first says whose it is and how old; then come what the container's
// own tool printed, a text a line, the updates, and the changes, as in the JSON
// of a diff.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "exporters/agent_api.h"
#include "exporters/listing.h"

namespace stillframe::jsonl {

// Each with its newline. `answer` must outlive it, and says how old it is.
Listing last_state_lines(const DiffAnswer& answer);

// By the first line. Fails with EPROTONOSUPPORT where another version of the
// agent wrote it.
Result<DiffAnswer> last_state_head(std::string_view line);
// From the second line on, into what that gave.
Result<> last_state_rest(
    DiffAnswer& answer,
    const std::function<Result<std::optional<std::string_view>>()>& lines);

}  // namespace stillframe::jsonl
