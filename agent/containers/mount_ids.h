// SPDX-License-Identifier: Apache-2.0
//
// The ids of mounts that the kernel never uses again, where it says them:
// statmount(2) and listmount(2), of another mount namespace since Linux 6.11.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/containers/mountinfo.h"

namespace stillframe::containers {

class MountIds {
 public:
  // Of the mount namespace that this link names (/proc/PID/ns/mnt). Empty where
  // the kernel does not say.
  explicit MountIds(const std::string& namespace_link);

  // Gives its id to each of the mounts, read since, that was there before and
  // is still: the number that mountinfo has for it was its own all the time.
  void identify(std::vector<Mount>& mounts) const;

 private:
  std::optional<std::vector<std::uint64_t>> list() const;
  std::optional<std::uint32_t> number_of(std::uint64_t id) const;

  std::uint64_t namespace_ = 0;
  std::map<std::uint32_t, std::uint64_t> by_number_;
};

}  // namespace stillframe::containers
