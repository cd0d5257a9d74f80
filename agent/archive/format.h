// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "agent/base/result.h"
#include "exporters/agent_api.h"
#include "exporters/listing.h"

namespace stillframe::archive {

// How a last state is text: a line that says whose it is, and a line for each
// thing that is known of it.
struct Format {
  using Lines = std::function<Result<std::optional<std::string_view>>()>;

  // Each with its newline. `answer` must outlive it.
  std::function<Listing(const DiffAnswer& answer)> write;
  // By the first line alone: whose it is and how old.
  std::function<Result<DiffAnswer>(std::string_view line)> read_head;
  // From the second line on, into what read_head() gave.
  std::function<Result<>(DiffAnswer& answer, const Lines& lines)> read_rest;
};

// What read_head() fails with where another version of the agent wrote it.
constexpr int kOtherVersion = EPROTONOSUPPORT;

}  // namespace stillframe::archive
