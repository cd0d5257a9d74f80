// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "agent/model/mount.h"

namespace stillframe::drift {

// What a container was given when it was started and that is not part of its
// rootfs: its mounts and its limits. Kept with the ledger, so that what happens
// while no agent runs is found.
struct Life {
  std::uint64_t init_start_ns =
      0;  // boot time; distinguishes one life from another
  bool has_mounts = false;
  bool has_limits = false;
  std::vector<MountEntry> mounts;  // but for those that were received
  std::map<std::string, std::string> limits;  // by control file
  // As last seen, of those that are not as they were.
  std::map<std::string, std::string> limits_now;
  std::uint64_t revision = 0;  // grows with each change; not kept
};

// /proc gives an init's start in clock ticks, the kernel side in nanoseconds.
inline bool same_life(const Life& life, std::uint64_t init_start_ns) {
  constexpr std::uint64_t kTickNs = 20'000'000;
  const std::uint64_t a = life.init_start_ns;
  const std::uint64_t b = init_start_ns;
  return a != 0 && b != 0 && (a > b ? a - b : b - a) <= kTickNs;
}

}  // namespace stillframe::drift
