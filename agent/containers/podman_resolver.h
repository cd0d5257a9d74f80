// SPDX-License-Identifier: Apache-2.0
//
// podman, rootful and rootless, and CRI-O, which shares its storage.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "agent/containers/podman_store.h"
#include "agent/containers/runtime_resolver.h"

namespace stillframe::containers {

class PodmanResolver : public RuntimeResolver {
 public:
  explicit PodmanResolver(std::string host_prefix);

  bool serves(std::string_view runtime) const override;
  std::optional<RuntimeMetadata> find(const RuntimeQuery& query) override;
  bool learn(const RuntimeMetadata& told) override;
  std::vector<RuntimeMetadata> stored() override;
  std::vector<std::string> layer_roots() override;
  std::vector<std::string> uppers() override;

 private:
  PodmanStore* store_for(const RuntimeQuery& query);
  PodmanStore* store_of_user(unsigned uid);
  std::vector<PodmanStore*> stores();
  static RuntimeMetadata metadata(PodmanStore& store,
                                  const StoredContainer& container);

  std::string prefix_;
  PodmanStore system_;
  std::map<unsigned, PodmanStore> users_;  // rootless stores met so far
  // Of root's, in another place (podman --root), by graph root.
  std::map<std::string, PodmanStore> elsewhere_;
};

// graphroot and runroot of a storage.conf (TOML), as far as they are set.
struct StorageConf {
  std::string graph_root;
  std::string run_root;
};
StorageConf parse_storage_conf(std::string_view text);

}  // namespace stillframe::containers
