// SPDX-License-Identifier: Apache-2.0
//
// podman, rootful and rootless, and CRI-O, which shares its storage.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "agent/containers/podman_store.h"
#include "agent/containers/runtime_resolver.h"

namespace stillframe::containers {

class PodmanResolver : public RuntimeResolver {
 public:
  explicit PodmanResolver(std::string host_prefix);

  bool serves(std::string_view runtime) const override;
  MetadataResult find(const RuntimeQuery& query) override;
  bool learn(const RuntimeMetadata& known) override;
  Listing<RuntimeMetadata> stored() override;
  std::map<std::string, std::string> names() override;
  std::vector<std::string> name_places() override;
  std::vector<std::string> layer_roots() override;
  Listing<std::string> uppers() override;

 private:
  // The store that has it; null: none.
  Result<PodmanStore*> store_for(const RuntimeQuery& query);
  // The one of root, which storage.conf names.
  Result<PodmanStore*> system_store();
  // Null: no such user, or one without a home directory.
  Result<PodmanStore*> store_of_user(unsigned uid);
  bool learn_of_user(unsigned uid, const std::string& root);
  // All stores, read again. A user's that cannot be read is not an error: what
  // was known of it stays, and no one else's containers are concerned.
  Listing<PodmanStore*> updated_stores();
  static RuntimeMetadata metadata(PodmanStore& store,
                                  const StoredContainer& container);
  static void add_pod(const PodmanStore& store,
                      const std::map<std::string, std::string>& own,
                      RuntimeMetadata& result);

  PodmanStore store_at(const std::string& graph_root,
                       const std::string& run_root) const;

  std::string prefix_;
  std::vector<std::string> image_stores_;  // that storage.conf names
  std::optional<PodmanStore> system_;      // none: storage.conf not read yet
  std::map<unsigned, PodmanStore> users_;  // rootless stores met so far
  // Theirs in other places, believed of theirs only.
  std::map<std::pair<unsigned, std::string>, PodmanStore> users_elsewhere_;
  // Of root's, in another place (podman --root), by graph root.
  std::map<std::string, PodmanStore> elsewhere_;
};

}  // namespace stillframe::containers
