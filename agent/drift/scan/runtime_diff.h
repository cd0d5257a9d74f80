// SPDX-License-Identifier: Apache-2.0
//
// What the container's own tool prints for a tree. podman 4
// (containers/storage, overlay driver) walks the upper directory; docker 20.10
// (overlay2) compares the mounted rootfs with the image's by stat(2), and so
// does podman with its vfs and btrfs drivers. All are judged from what the scan
// noted of each entry.
#pragma once

#include <string_view>
#include <vector>

#include "agent/drift/scan/tree.h"
#include "agent/model/mutation.h"
#include "agent/model/runtime.h"

namespace stillframe::drift {

// Hidden paths left out, unsorted.
std::vector<RuntimeLine> runtime_lines(const UpperTree& tree,
                                       const RuntimeTraits& runtime);

// Whether the tool would print a line for an entry of the tree, whose path this
// is.
bool runtime_shows(const UpperTree& tree, const RuntimeTraits& runtime,
                   std::string_view path, const Entry& entry);

}  // namespace stillframe::drift
