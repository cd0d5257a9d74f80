// SPDX-License-Identifier: Apache-2.0
//
// What became different between two looks at a container's mounts.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/model/mount.h"

namespace stillframe::drift {

// What was and what is mounted at one place; empty: nothing. Where several
// mounts lie on each other, those that differ, topmost last.
struct MountDifference {
  std::string before;
  std::string now;
  bool operator==(const MountDifference&) const = default;
};

using MountDifferences = std::map<std::string, MountDifference>;  // by target

// None when the two cannot be compared: init has moved its root since.
// Neither how mounts propagate is compared, nor options of filesystems but for
// read-only. What is there now and received is no difference.
std::optional<MountDifferences> compare_mounts(
    const std::vector<MountEntry>& before, const std::vector<MountEntry>& now);

// "tmpfs tmpfs rw,nosuid", "ext4 /dev/sda1[/srv/data] ro".
std::string describe(const MountEntry& mount);

}  // namespace stillframe::drift
