// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "exporters/agent_api.h"

namespace stillframe {

struct ContainerRow {
  ContainerView view;
  std::optional<Gone> gone;  // none: it is there
};

// The containers that `ps` lists, in the order in which it does, and how many
// it leaves out although they were asked for.
struct ContainerList {
  std::vector<ContainerRow> rows;
  std::uint64_t stopped = 0;          // left out: they do not run
  std::uint64_t stopped_mutated = 0;  // of those
};

}  // namespace stillframe
