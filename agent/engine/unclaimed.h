// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "agent/model/inode.h"
#include "agent/model/observation.h"

namespace stillframe::engine {

// What happened on roots of which no container is known yet: what a runtime
// does to a rootfs before its first exec. Bounded: a root that never becomes a
// container's is forgotten after a while.
class Unclaimed {
 public:
  using Seen = std::variant<FileObservation, ExecObservation, MountObservation>;
  struct Claimed {
    std::vector<Seen> seen;
    bool overflowed = false;  // more happened than was kept
  };

  // A runtime gets from the mount to the first exec within this time.
  static constexpr std::uint64_t kPatienceNs = 300'000'000'000;
  // Beyond it the oldest goes of whoever has the most.
  static constexpr std::size_t kMaxRoots = 64;
  static constexpr std::size_t kMaxSeen = 2048;

  // What becomes of the kernel's knowledge of a root that is forgotten.
  using Forgotten = std::function<void(const UpperRoot&)>;
  explicit Unclaimed(Forgotten forgotten) : forgotten_(std::move(forgotten)) {}

  void add(const UpperRoot& root, std::uint64_t boot_ns, Seen seen);
  Claimed claim(const UpperRoot& root);
  void forget(const UpperRoot& root) { roots_.erase(root); }
  // Forgets roots that waited too long, an image build's for one.
  void expire(std::uint64_t now);
  bool holds(const UpperRoot& root) const { return roots_.contains(root); }
  std::size_t size() const { return roots_.size(); }

 private:
  struct Waiting {
    std::uint64_t since_ns = 0;
    std::uint64_t maker = 0;  // cgroup of the container that was first; 0: none
    Claimed claimed;
  };
  void make_room();

  Forgotten forgotten_;
  std::unordered_map<UpperRoot, Waiting> roots_;
};

}  // namespace stillframe::engine
