// SPDX-License-Identifier: Apache-2.0
//
// runc's own state files: bare runc, and what containerd and dockerd run by it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/containers/cgroup_layout.h"
#include "agent/containers/runtime_resolver.h"
#include "agent/model/runtime.h"

namespace stillframe::containers {

// What is of use in a state.json.
struct RuncState {
  std::string id;
  std::uint32_t init_pid = 0;
  std::uint64_t init_start_ticks = 0;
  WallTime created;
  std::string rootfs;
  std::string bundle;
  std::map<std::string, std::string> annotations;
  std::string cgroup_path;  // in the observed hierarchy; empty: not in it
};

Result<RuncState> parse_runc_state(std::string_view text,
                                   const CgroupLayout& layout);

class RuncResolver : public RuntimeResolver {
 public:
  RuncResolver(CgroupLayout layout, std::string host_prefix);

  bool serves(std::string_view runtime) const override;
  MetadataResult find(const RuntimeQuery& query) override;
  KnownCgroups cgroups() override;
  std::optional<std::string> owner_of(const std::string& cgroup) override;

 private:
  // A directory of ID/state.json, and whose containers they are.
  struct Root {
    std::string path;
    Runtime runtime;
    std::string space;             // ContainerInfo::space
    std::optional<unsigned> user;  // rootless: believed on that user's only
  };
  struct Cached {
    std::string stamp;
    std::optional<RuncState> state;  // none: what the file holds is not one
  };

  Listing<Root> roots() const;
  // Null: no such container, or one that is not believed.
  Result<const RuncState*> load(const Root& root, const std::string& id);
  // The ids below a root; those known before where it cannot be read.
  std::vector<std::string> ids_in(const Root& root,
                                  std::vector<Error>& errors) const;
  RuntimeMetadata metadata(const Root& root, const RuncState& state) const;

  CgroupLayout layout_;
  std::string prefix_;
  std::map<std::string, Cached> states_;  // by path of state.json
};

}  // namespace stillframe::containers
