// SPDX-License-Identifier: Apache-2.0
//
// libpod's own database: bolt_state.db until podman 4.8, db.sql since, and
// whichever a store began with stays. Only what it was created with is read of
// a container or a pod, which is JSON in both.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "agent/base/result.h"

namespace stillframe::containers {

enum class LibpodKind : std::uint8_t { container, pod };

// By id, of all of a kind in the SQLite database at `path`.
Result<std::map<std::string, std::string>> sqlite_configs(
    const std::string& path, LibpodKind kind);

// Of one in the bolt database at `path`. Fails with ENOENT where it is not in
// there.
Result<std::string> bolt_config(const std::string& path, LibpodKind kind,
                                const std::string& id);

}  // namespace stillframe::containers
