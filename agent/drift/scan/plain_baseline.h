// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <string>

#include "agent/base/clock.h"
#include "agent/drift/scan/baseline.h"

namespace stillframe::drift {

// What both baselines of a rootfs without an overlay have in common. What lies
// in it may be the image's or not; ctime says, which nobody can set back, what
// changed since the container began to live.
class PlainBaseline : public Baseline {
 public:
  // The kernel finds a directory's root by asking those above it, eight at most
  // for what the host does (bpf/files_ctime.bpf.c): one in six is enough to
  // know of.
  bool to_watch(unsigned depth, bool directory) const final {
    return directory && depth % 6 == 0;
  }

 protected:
  enum class Look { absent, elsewhere, there };
  // One name of the rootfs; `elsewhere`: something that the host mounted there,
  // or a subvolume.
  Tried<Look> look(int dir, const std::string& name, struct stat* st) const;
  bool of_rootfs(const struct stat& st) const { return st.st_dev == dev_; }
  bool late(const struct timespec& time) const { return wall(time) > since_; }

  WallTime since_;  // what changed later is not the image's as it was
  dev_t dev_ = 0;   // as stat(2) has it
};

}  // namespace stillframe::drift
