// SPDX-License-Identifier: Apache-2.0
//
// From overlayfs' mount options to directories on this machine.
#pragma once

#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/containers/mountinfo.h"
#include "agent/model/container.h"

namespace stillframe::containers {

// The options' paths are those of the mount's maker: absolute ones are taken
// below `prefix`, relative ones below one of `roots` (where runtimes keep
// layers, and whence they mount when the options get too long) or an ancestor
// of the upper directory. A directory counts only when it exists, and the upper
// one only when it is `wanted`, where that is known.
Result<OverlayLayers> find_layers(const OverlayOptions& options,
                                  const std::string& prefix,
                                  const std::vector<std::string>& roots,
                                  const UpperRoot& wanted);

}  // namespace stillframe::containers
