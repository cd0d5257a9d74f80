// SPDX-License-Identifier: Apache-2.0
//
// /proc/PID/mountinfo and overlayfs' options in it: paths that containers and
// runtimes choose.
#include "agent/containers/mountinfo.h"

#include "tests/fuzz/fuzz.h"

using namespace stillframe::containers;
using stillframe::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  constexpr std::size_t kLimit = 16;
  const auto mounts = parse_mountinfo(stillframe::fuzz::text_of(data, size));
  for (const auto& mount : mounts) {
    require(mount.target.substr(0, 1) == "/", "a target is absolute");
    const auto options = parse_overlay(mount);
    (void)overlay_unescape(options.upper);
    const Mount* seen = mount_at(mounts, mount.target);
    require(seen != nullptr && seen >= &mount,
            "the last mount at a place is the one that is seen");
  }
  require(mount_points(mounts, kLimit).size() <= kLimit, "a limit holds");
  require(mount_entries(mounts).size() == mounts.size(),
          "each mount has an entry");
  return 0;
}
