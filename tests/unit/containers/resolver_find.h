// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "agent/containers/runtime_resolver.h"

namespace stillframe::containers {

// Where nothing fails to be read.
inline std::optional<RuntimeMetadata> find(RuntimeResolver& resolver,
                                           const RuntimeQuery& query) {
  return resolver.find(query).value();
}

}  // namespace stillframe::containers
