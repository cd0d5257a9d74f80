// SPDX-License-Identifier: Apache-2.0
//
// containers-storage.conf(5): where podman and CRI-O keep root's containers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace stillframe::containers {

struct StorageConf {
  std::string graph_root;
  std::string run_root;
  // Others that only images are in.
  std::vector<std::string> image_stores = {};
};

// As far as they are set. Errors begin with `name`:LINE:COLUMN.
Result<StorageConf> parse_storage_conf(std::string_view text,
                                       const std::string& name);

// The host's, with the defaults for what its files leave out.
Result<StorageConf> read_storage_conf(const std::string& host_prefix);

}  // namespace stillframe::containers
