// SPDX-License-Identifier: Apache-2.0
//
// What containerd's metadata database keeps of a container:
// ROOT/io.containerd.metadata.v1.bolt/meta.db, buckets v1/NAMESPACE/containers,
// images, content and snapshots (containerd's metadata/buckets.go).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace stillframe::containers {

struct ContainerdEntry {
  std::string image;  // its name
  std::string
      image_id;  // bare hex; empty: the image has another content by now
  std::map<std::string, std::string> labels;      // its own and its image's
  std::map<std::string, std::string> pod_labels;  // of its pod, if it is in one
  std::string snapshotter;
  std::string snapshot;  // the key of its writable layer
  std::string made;      // when, in bytes of its own: another container of the
                         // same id has others
  bool sandbox = false;  // holds a pod's namespaces, runs nothing of its own
};

class ContainerdStore {
 public:
  // `root` is containerd's, with the host prefix.
  explicit ContainerdStore(std::string root) : root_(std::move(root)) {}

  const std::string& root() const { return root_; }

  // None: it has no such container.
  Result<std::optional<ContainerdEntry>> find(const std::string& space,
                                              const std::string& id) const;
  // The namespaces that have a container of that id.
  Result<std::vector<std::string>> spaces_of(const std::string& id) const;

 private:
  std::string database() const {
    return root_ + "/io.containerd.metadata.v1.bolt/meta.db";
  }

  std::string root_;
};

// ROOT of ROOT/io.containerd.snapshotter.v1.NAME/snapshots/N/fs; empty: it is
// not such a path.
std::string containerd_root_of(std::string_view upper);

}  // namespace stillframe::containers
