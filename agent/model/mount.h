// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace stillframe {

// One mount of a container, as its init sees it. Raw bytes.
struct MountEntry {
  std::uint32_t id = 0;   // unique among mounts that exist, then used again
  std::uint32_t dev = 0;  // kernel encoding
  std::string root;       // what of the filesystem is mounted
  std::string target;     // where, seen from the container's root
  std::string type;
  std::string source;
  std::string options;           // of this mount: "ro,nosuid"
  bool read_only_below = false;  // the filesystem itself is read-only
  std::uint64_t unique_id = 0;   // never used again; 0: the kernel does not say
  // On a volume that gets what the host mounts there (mount_namespaces(7),
  // MS_SLAVE), and of the same kind: it comes and goes with the host's.
  bool received = false;
  bool operator==(const MountEntry&) const = default;
};

}  // namespace stillframe
