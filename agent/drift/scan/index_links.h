// SPDX-License-Identifier: Apache-2.0
//
// On a mount with index=on a file of the image that has several names stays one
// file when it is copied up by one of them: the others show the new file,
// although the upper directory does not hold them. The mount's index says which
// files these are, the layers which names they have.
#pragma once

#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/base/fd.h"
#include "agent/drift/scan/failure.h"
#include "agent/drift/scan/layers.h"

namespace stillframe::drift {

class IndexLinks {
 public:
  struct Link {
    bool directory = false;  // one on the way to such a name
    std::string file;        // else: in the index
  };

  explicit IndexLinks(const std::string& work_directory)
      : place_(work_directory.empty() ? "" : work_directory + "/index") {}

  // Before and after each scan. Looks through the layers once, when there is
  // something in the index for the first time. After a failure, which is in
  // `faults`, names that were known are kept and cannot be opened.
  void begin(const LowerLayers& layers, std::size_t limit,
             const std::stop_token& stop, Faults* faults);
  void end();

  // Directories are paths in the layers: "" is the root, "/usr" and so on.
  std::vector<std::string> names(const std::string& directory) const;
  std::optional<Link> find(const std::string& directory,
                           const std::string& name) const;
  // By O_PATH; none when it is gone.
  Tried<Fd> open(const Link& link) const;

 private:
  Tried<> read_layers(const LowerLayers& layers, std::size_t limit,
                      const std::stop_token& stop);
  void note(const std::string& path, const std::string& file);

  std::string place_;
  bool layers_read_ = false;
  // By file handle: the paths of each file of the image that has several.
  std::unordered_map<std::string, std::vector<std::string>> paths_;

  Fd index_;  // during a scan
  std::unordered_map<std::string, std::map<std::string, Link>> shown_;
};

}  // namespace stillframe::drift
