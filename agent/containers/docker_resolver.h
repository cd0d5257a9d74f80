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
  bool learn(const RuntimeMetadata& known) override;
  Listing<RuntimeMetadata> stored() override;
  std::map<std::string, std::string> names() override;
  std::vector<std::string> name_places() override;
  std::vector<std::string> layer_roots() override;
  Listing<std::string> uppers() override;

 private:
  // The daemons' data roots, with the host prefix: that of daemon.json first.
  Result<std::vector<std::string>> roots();
  static MetadataResult find_in(const std::string& root, const std::string& id);
  static Result<OverlayLayers> layers(const std::string& root,
                                      const std::string& id);

  struct Named {
    std::string stamp;  // of the file when last read
    std::string name;
  };

  std::string prefix_;
  std::vector<std::string> roots_;  // empty: daemon.json not read yet
  std::map<std::string, Named> names_;
};

}  // namespace stillframe::containers
