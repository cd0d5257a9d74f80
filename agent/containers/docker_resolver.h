// SPDX-License-Identifier: Apache-2.0
//
// dockerd with the overlay2 graph driver.
#pragma once

#include <string>

#include "agent/base/result.h"
#include "agent/containers/runtime_resolver.h"

namespace stillframe::containers {

class DockerResolver : public RuntimeResolver {
 public:
  explicit DockerResolver(std::string host_prefix);

  bool serves(std::string_view runtime) const override;
  std::optional<RuntimeMetadata> find(const RuntimeQuery& query) override;
  std::vector<RuntimeMetadata> stored() override;
  std::vector<std::string> layer_roots() override;
  std::vector<std::string> uppers() override;

 private:
  Result<OverlayLayers> layers(const std::string& id) const;

  std::string root_;  // dockerd's data root, with the host prefix
};

}  // namespace stillframe::containers
