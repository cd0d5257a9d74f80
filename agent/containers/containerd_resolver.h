// SPDX-License-Identifier: Apache-2.0
//
// containerd, with or without its CRI plugin. Who runs, and where, is for
// runc's state files to say; containerd has what they lack.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/containers/containerd_store.h"
#include "agent/containers/process.h"
#include "agent/containers/runtime_resolver.h"

namespace stillframe::containers {

class ContainerdResolver : public RuntimeResolver {
 public:
  explicit ContainerdResolver(std::string host_prefix);

  bool serves(std::string_view runtime) const override;
  // One that runc has no state of any more.
  MetadataResult find(const RuntimeQuery& query) override;
  void complete(RuntimeMetadata& known) override;

 private:
  using Key = std::pair<std::string, std::string>;  // namespace, id
  // What stays as it was found when a container was new.
  struct Kept {
    std::uint32_t init_pid = 0;
    std::uint64_t init_start_ticks = 0;
    std::string root;      // of the containerd that runs it; empty: not seen
    std::string made;      // see ContainerdEntry
    std::string image_id;  // tags move
  };

  Kept& kept_of(const Key& key);
  std::string mounted_root(const RuntimeMetadata& known) const;
  Result<std::optional<ContainerdEntry>> entry_of(const std::string& root,
                                                  const Key& key) const;
  void add(const Key& key, ContainerdEntry entry, RuntimeMetadata& known);

  std::string prefix_;
  Proc proc_;
  std::vector<ContainerdStore> stores_;
  std::map<Key, Kept> kept_;
};

}  // namespace stillframe::containers
