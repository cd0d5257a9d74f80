// SPDX-License-Identifier: Apache-2.0
//
// The maps that both sides write: which roots, inodes, cgroups and processes
// belong to containers. Thread-safe: each call is one system call.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "agent/model/inode.h"
#include "agent/model/observation.h"
#include "agent/sensors/object.h"
#include "agent/sensors/removed_roots.h"
#include "bpf/events.h"

namespace stillframe::sensors {

class KernelMaps {
 public:
  // Borrows the maps' descriptors: `owner` outlives this.
  explicit KernelMaps(const Object& owner);

  // `since`: see sf_root_state; 0 leaves it as it is.
  void add_root(const UpperRoot& root, std::uint32_t flags,
                std::int64_t since_ns = 0) const;
  // Its inodes go with it, or a little later: see forget_inodes().
  void remove_root(const UpperRoot& root) const;
  // Those of removed roots that are left; to be called now and then.
  void forget_inodes() const;
  // Without those that are ignored.
  std::vector<UpperRoot> roots() const;
  // Whether it is known from now on and was not until now.
  bool add_inode(const UpperRoot& root, const InodeId& inode,
                 bool directory) const;
  // What the kernel side knows of it already is kept.
  void add_cgroup(std::uint64_t id, sf_cgroup_state state) const;
  void remove_cgroup(std::uint64_t id) const;
  void add_mounts(std::uint32_t mnt_ns, const sf_mount_ns& container) const;
  void follow(std::uint32_t pid, sf_followed followed) const;
  void containers_known() const;
  // What repeats it is news again. Whether something has been folded into it,
  // or may have been.
  bool rearm(const sf_change_key& key) const;

  // The cgroup and session of a process that descends from a container.
  std::optional<ProcessRef> followed(std::uint32_t pid,
                                     std::uint64_t start_ns) const;
  // A process that has ended within the last seconds.
  std::optional<ProcessRef> ended(std::uint32_t pid) const;

  // What the programs counted as lost for this reason. Not what found no room
  // when we put it there: a loss is repaired by a scan, and it is scans that
  // put inodes there. That is logged.
  std::uint64_t lost(sf_loss reason) const;
  std::uint64_t counted(sf_counter counter) const;

 private:
  void forget_mounts(std::uint32_t mnt_ns, std::uint64_t cgroup) const;
  template <typename Key, typename Value>
  bool put(const bpf_map* map, const Key& key, const Value& value,
           std::uint64_t flags = 0) const;
  void refused(const bpf_map* map, int error) const;
  void name_tools(const bpf_map* tools) const;
  std::int32_t tally(sf_tally which) const;
  void add_to_tally(sf_tally which, std::int32_t by) const;
  bool may_follow(std::uint64_t cgroup) const;
  bool is_begun_within(const sf_followed& own, const sf_followed& known) const;
  void uncount(const sf_followed& known) const;
  bool may_know(const UpperRoot& root, bool directory) const;
  bool may_have_child(std::uint64_t family) const;
  void note_crowd(std::uint64_t cgroup) const;
  bool said_full(const bpf_map* map) const;  // and it is from now on

  const bpf_map* roots_;
  const bpf_map* upper_inodes_;
  const bpf_map* upper_devs_;
  const bpf_map* roots_registered_;
  const bpf_map* cgroups_;
  const bpf_map* containers_known_;
  const bpf_map* processes_;
  const bpf_map* ended_;
  const bpf_map* tallies_;
  const bpf_map* changes_;
  const bpf_map* losses_;
  const bpf_map* counters_;
  const bpf_map* mount_namespaces_;
  // Those that were said to be full. Scans put inodes from their own thread.
  mutable std::mutex full_mutex_;
  mutable std::set<const bpf_map*> full_;
  // What of each share was taken by us; the programs keep count of the rest.
  mutable std::mutex shares_mutex_;
  struct Scanned {
    std::int32_t inodes = 0;
    std::uint64_t no_room_until_ns = 0;  // for more files; monotonic
  };
  mutable std::unordered_map<UpperRoot, Scanned> scanned_;
  mutable RemovedRoots removed_;
  mutable std::unordered_map<std::uint64_t, std::int32_t> adopted_;
  mutable std::unordered_map<std::uint64_t, std::uint32_t> children_;
  // Containers' cgroups -> that of the container that began it.
  mutable std::unordered_map<std::uint64_t, std::uint64_t> begun_within_;
};

sf_inode to_kernel(const UpperRoot& root);
UpperRoot from_kernel(const sf_inode& root);

}  // namespace stillframe::sensors
