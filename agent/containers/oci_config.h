// SPDX-License-Identifier: Apache-2.0
//
// config.json of an OCI bundle: what a runtime was asked to run.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "agent/base/result.h"
#include "agent/model/container.h"

namespace stillframe::containers {

struct OciConfig {
  std::string rootfs;  // absolute, or below the bundle
  std::map<std::string, std::string> annotations;
  Preparation asked;
};

Result<OciConfig> read_oci_config(const std::string& path);

// "/a/c" of "/a//b/../c/."; empty: it is not absolute, or is the root.
std::string absolute_path(std::string_view path);

}  // namespace stillframe::containers
