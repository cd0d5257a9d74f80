// SPDX-License-Identifier: Apache-2.0
//
// Roots whose inodes the kernel side still knows. To find those of one means to
// go through all inodes there are: when many containers are removed, that is
// done for many of them at a time. Pure: knows neither map nor clock.
#pragma once

#include <cstdint>
#include <unordered_set>
#include <utility>

#include "agent/model/inode.h"

namespace stillframe::sensors {

class RemovedRoots {
 public:
  // Another file may have an inode's number at once, but then it has another
  // generation: what is left over for so long misleads nobody.
  static constexpr std::uint64_t kPauseNs = 1'000'000'000;

  void add(const UpperRoot& root) { roots_.insert(root); }
  // It is a container's again.
  void keep(const UpperRoot& root) { roots_.erase(root); }

  // Those whose inodes are to be removed now; none while the last time was
  // less than a pause ago.
  std::unordered_set<UpperRoot> take(std::uint64_t now_ns) {
    if (roots_.empty() || now_ns < not_before_ns_) return {};
    not_before_ns_ = now_ns + kPauseNs;
    return std::exchange(roots_, {});
  }

 private:
  std::unordered_set<UpperRoot> roots_;
  std::uint64_t not_before_ns_ = 0;
};

}  // namespace stillframe::sensors
