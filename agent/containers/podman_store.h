// SPDX-License-Identifier: Apache-2.0
//
// One containers/storage directory with libpod's database in it: what podman
// and CRI-O keep of their containers. Rootless users have one each, and then
// everything in it is that user's word.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/containers/oci_config.h"
#include "agent/model/container.h"

namespace stillframe::containers {

struct StoredContainer {
  std::string id;
  std::string name;
  std::string image;
  std::string image_id;
  std::string layer;
  std::string driver;  // of containers/storage: overlay, vfs, btrfs
  IdMaps owners;       // of its user namespace; empty: it has none
  WallTime created;
};

// What libpod's database says beyond that; it never changes once created.
struct LibpodConfig {
  std::map<std::string, std::string> labels;
  // Name asked for with --name on podman's command line; empty: none was.
  std::string given_name;
  bool has_command = false;  // false: made through the API, not recorded
  bool infra = false;        // holds a pod's namespaces
  std::string pod;           // the name of the pod that it is in
};

class PodmanStore {
 public:
  // All with the host prefix. `image_stores`: other stores, in which layers of
  // images may be.
  PodmanStore(std::string graph_root, std::string run_root,
              std::vector<std::string> image_stores = {});

  // Reads containers.json and volatile-containers.json again if one changed.
  // Fails when one cannot be read; what was known of it then stays.
  Result<> update();

  const StoredContainer* find(const std::string& id) const;
  const std::map<std::string, StoredContainer>& containers() const;
  const std::string& graph_root() const { return graph_root_; }

  // overlay: the layer's upper directory and what is below it, from its `lower`
  // file. vfs and btrfs: the rootfs and the image's that it is a copy of.
  Result<OverlayLayers> layers(const StoredContainer& container) const;

  // The OCI config that podman gave the runtime.
  Result<OciConfig> oci_config(const std::string& id) const;

  // From libpod's database. Fails with ENOENT where that does not have it.
  Result<LibpodConfig> libpod_config(const std::string& id);

  // Those that containers are listed in.
  std::vector<std::string> list_directories() const;

  std::string overlay_root() const { return graph_root_ + "/overlay"; }
  // It, and those of the image stores.
  std::vector<std::string> overlay_roots() const;
  std::vector<std::string> uppers() const;

 private:
  struct Source {
    std::string path;
    std::string driver;
    std::string stamp;  // of the file when last read
    std::vector<StoredContainer> containers;
  };
  // The name of the pod that is in the bolt database; empty: it is not.
  static Result<std::string> bolt_pod(const std::string& path,
                                      const std::string& id);
  Result<bool> read_sqlite(const std::string& path);
  static Result<> reload(Source& source);
  struct Layer {
    std::string parent;
    IdMaps owners;  // that its files were given
  };
  // None: no such layer is listed.
  Result<std::optional<Layer>> layer(const std::string& driver,
                                     const std::string& id) const;
  Result<IdMaps> shown_owners(const StoredContainer& container,
                              const std::string& image) const;
  Result<std::string> lower_layer(const std::string& link) const;
  Result<OverlayLayers> overlay_layers(const StoredContainer& container) const;
  Result<OverlayLayers> copied_layers(const StoredContainer& container) const;
  std::string copy_of(const std::string& driver,
                      const std::string& layer) const;

  std::string graph_root_;
  std::string run_root_;
  std::vector<std::string> image_stores_;
  std::vector<Source> sources_;
  std::map<std::string, StoredContainer> containers_;
  std::map<std::string, LibpodConfig> configs_;
  std::map<std::string, std::string> databases_;  // stamps of those read
};

}  // namespace stillframe::containers
