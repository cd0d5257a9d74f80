// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/base/result.h"
#include "agent/model/inode.h"

namespace stillframe::containers {

// The identity of the directory at `path`, as the kernel reports an upper root.
// The generation is that of its file handle; 0 where the filesystem makes
// handles that we do not know or none.
Result<UpperRoot> upper_root_of(const std::string& path);

// Same directory; a generation of 0 on either side matches any.
bool same_root(const UpperRoot& a, const UpperRoot& b);

}  // namespace stillframe::containers
