// SPDX-License-Identifier: Apache-2.0
//
// What all runtimes' files on disk say, asked as one.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/containers/cgroup_path.h"
#include "agent/containers/process.h"
#include "agent/containers/resolvers.h"
#include "agent/model/inode.h"

namespace stillframe::containers {

class RuntimeFiles {
 public:
  explicit RuntimeFiles(const ResolverPlace& place);

  // None: no runtime knows it. An error: some file that might know it could not
  // be read, and no other knows it. RuntimeMetadata::unread is set where a file
  // that would have known more could not be read.
  // `user`: in whose files alone it may be; none: in anybody's.
  MetadataResult find(const CgroupName& name,
                      std::optional<unsigned> user = {}) const;

  // Tells the resolvers what is known of a container that none of them has.
  // True: find() may know it now.
  bool learn(const RuntimeMetadata& known) const;

  // As RuntimeResolver's, of all resolvers.
  void learn_states(const std::string& directory) const;
  std::optional<RuntimeMetadata> of_init(const Process& init,
                                         const std::set<unsigned>& users) const;

  KnownCgroups cgroups() const;
  // Those that matter to the cgroup at `path`: its owner alone where a runtime
  // says at once who that is, else all.
  KnownCgroups cgroups_for(const std::string& path) const;
  // Whether a runtime's file says by now that this cgroup is a container's.
  bool mentions(const std::string& path) const;
  Listing<RuntimeMetadata> stored() const;
  std::map<std::string, std::string> names() const;
  std::vector<std::string> name_places() const;
  std::vector<std::string> layer_roots() const;

  // The layers of the stored container whose upper directory it is.
  Result<std::optional<OverlayLayers>> layers_of(const UpperRoot& upper) const;

 private:
  std::string prefix_;
  std::vector<std::unique_ptr<RuntimeResolver>> resolvers_;
};

}  // namespace stillframe::containers
