// SPDX-License-Identifier: Apache-2.0
//
// The state files of runc and crun: what is run by hand, and what containerd
// and dockerd run by runc.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/containers/cgroup_layout.h"
#include "agent/containers/runtime_resolver.h"
#include "agent/containers/runtime_state.h"
#include "agent/model/runtime.h"

namespace stillframe::containers {

class RuncResolver : public RuntimeResolver {
 public:
  RuncResolver(CgroupLayout layout, std::string host_prefix);

  bool serves(std::string_view runtime) const override;
  MetadataResult find(const RuntimeQuery& query) override;
  void learn_states(const std::string& directory) override;
  std::optional<RuntimeMetadata> of_init(
      std::uint32_t pid, std::uint64_t start_ticks,
      const std::set<unsigned>& users) override;
  KnownCgroups cgroups() override;
  std::optional<std::string> owner_of(const std::string& cgroup) override;

 private:
  // A directory of ID/state.json or ID/status, and whose containers they are.
  struct Root {
    std::string path;
    StateForm form;
    Runtime runtime;
    std::string space;             // ContainerInfo::space
    std::optional<unsigned> user;  // rootless: believed on that user's only
  };
  struct Cached {
    std::string stamp;
    std::optional<OciState> state;  // none: what the file holds is not one
  };

  Listing<Root> roots() const;
  // Null: no such container, or one that is not believed.
  Result<const OciState*> read(const Root& root, const std::string& id);
  // As read(); of a user's only what runs in that user's cgroups. Else nothing
  // is kept of it.
  Result<const OciState*> load(const Root& root, const std::string& id);
  // The ids below a root; those known before where it cannot be read, or where
  // there are too many.
  std::vector<std::string> ids_in(const Root& root,
                                  std::vector<Error>& errors) const;
  RuntimeMetadata metadata(const Root& root, const OciState& state) const;

  CgroupLayout layout_;
  std::string prefix_;
  std::vector<std::string> learnt_;       // roots that commands named
  std::map<std::string, Cached> states_;  // by path of the file
};

}  // namespace stillframe::containers
