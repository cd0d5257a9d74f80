// SPDX-License-Identifier: Apache-2.0
//
// Notices when runtimes rewrite the files that hold containers' names. All of
// them replace such a file by another (rename), so that is all that is watched:
// their lock files, which each command opens for writing, cost nothing.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/base/fd.h"

namespace stillframe::containers {

class NameWatch {
 public:
  NameWatch();

  // The directories that such files are in, as of now. One that cannot be
  // watched is tried again with the next call.
  void watch(const std::vector<std::string>& directories);

  // Whether a file was replaced in any of them since the last call, or may have
  // been.
  bool touched();

  int poll_fd() const { return inotify_; }  // -1: none

 private:
  Fd inotify_;
  std::map<std::string, int> watches_;  // by directory
  std::unordered_map<int, std::string> directories_;
};

}  // namespace stillframe::containers
