// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "exporters/container_list.h"
#include "exporters/socket/answers.h"

namespace stillframe::socket_api {

// Those of `snapshot` and, after them, of `gone` that the query asks for, in
// the order it asks for.
ContainerList list_containers(const Snapshot& snapshot,
                              const std::vector<DiffAnswer>& gone,
                              const Query& query);

}  // namespace stillframe::socket_api
