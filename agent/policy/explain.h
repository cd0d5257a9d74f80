// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "agent/model/container.h"
#include "agent/model/policy.h"
#include "agent/policy/policy.h"

namespace stillframe::policy {

// What content, metadata and code changes of `path` would be judged to be, and
// why. Kinds and origins with the same verdict share a row.
std::vector<PolicyVerdict> explain(const Policy& policy,
                                   const ContainerInfo& container,
                                   std::string_view path);

}  // namespace stillframe::policy
