// SPDX-License-Identifier: Apache-2.0
//
// dockerd with the overlay2 graph driver.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/containers/runtime_resolver.h"

namespace stillframe::containers {

class DockerResolver : public RuntimeResolver {
 public:
  explicit DockerResolver(std::string host_prefix);

  bool serves(std::string_view runtime) const override;
  MetadataResult find(const RuntimeQuery& query) override;
  Listing<RuntimeMetadata> stored() override;
  std::map<std::string, std::string> names() override;
  std::vector<std::string> name_places() override;
  std::vector<std::string> layer_roots() override;
  Listing<std::string> uppers() override;

 private:
  // dockerd's data root, with the host prefix.
  Result<std::string> root();
  static Result<OverlayLayers> layers(const std::string& root,
                                      const std::string& id);

  struct Named {
    std::string stamp;  // of the file when last read
    std::string name;
  };

  std::string prefix_;
  std::string root_;  // empty: daemon.json not read yet
  std::map<std::string, Named> names_;
};

}  // namespace stillframe::containers
