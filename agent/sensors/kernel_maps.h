// SPDX-License-Identifier: Apache-2.0
//
// The maps that both sides write: which roots, inodes, cgroups and processes
// belong to containers. Thread-safe: each call is one system call.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "agent/model/inode.h"
#include "bpf/events.h"

struct bpf_map;

namespace stillframe::sensors {

// Descriptors borrowed from the skeleton, which outlives this.
struct KernelMaps {
  const bpf_map* roots = nullptr;
  const bpf_map* upper_inodes = nullptr;
  const bpf_map* upper_devs = nullptr;
  const bpf_map* roots_registered = nullptr;
  const bpf_map* cgroups = nullptr;
  const bpf_map* processes = nullptr;
  const bpf_map* changes = nullptr;
  const bpf_map* losses = nullptr;
  const bpf_map* counters = nullptr;
  const bpf_map* mount_namespaces = nullptr;

  // `since`: see sf_root_state; 0 leaves it as it is.
  void add_root(const UpperRoot& root, std::uint32_t flags,
                std::int64_t since_ns = 0) const;
  void remove_root(const UpperRoot& root) const;
  void add_inode(const UpperRoot& root, const InodeId& inode) const;
  void add_cgroup(std::uint64_t id, const sf_cgroup_state& state) const;
  void remove_cgroup(std::uint64_t id) const;
  void add_mounts(std::uint32_t mnt_ns, const sf_mount_ns& container) const;
  void follow(std::uint32_t pid, const sf_followed& followed) const;
  void rearm(const sf_change_key& key) const;

  // Sums of a per-CPU array's first `size` values.
  static std::uint64_t sum(const bpf_map* map, std::uint32_t key);
};

sf_inode to_kernel(const UpperRoot& root);

}  // namespace stillframe::sensors
