// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/kernel_maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <array>
#include <vector>

namespace stillframe::sensors {
namespace {

template <typename Key, typename Value>
bool put(const bpf_map* map, const Key& key, const Value& value,
         std::uint64_t flags = BPF_ANY) {
  return bpf_map_update_elem(bpf_map__fd(map), &key, &value, flags) == 0;
}

sf_inode_key inode_key(std::uint32_t dev, std::uint64_t ino) {
  return {ino, dev, 0};
}

bool belongs_to(const sf_inode& inode, const UpperRoot& root) {
  return inode.dev == root.dev && inode.ino == root.inode.ino &&
         inode.generation == root.inode.generation;
}

}  // namespace

sf_inode to_kernel(const UpperRoot& root) {
  return {root.inode.ino, root.inode.generation, root.dev};
}

void KernelMaps::add_root(const UpperRoot& root, std::uint32_t flags,
                          std::int64_t since_ns) const {
  sf_root_state state{};
  const sf_inode key = to_kernel(root);
  // The kernel may have made it already: keep its budget, add our flags.
  bpf_map_lookup_elem(bpf_map__fd(roots), &key, &state);
  state.flags |= flags;
  if (since_ns != 0) state.since_ns = since_ns;
  put(roots, key, state);
  put(upper_devs, root.dev, std::uint32_t{1});
  add_inode(root, root.inode);
  // The kernel side counts by ones: this cannot give a count that was there.
  constexpr std::uint32_t kStride = 1u << 16;
  std::uint32_t made = 0;
  const std::uint32_t zero = 0;
  bpf_map_lookup_elem(bpf_map__fd(roots_registered), &zero, &made);
  put(roots_registered, zero, made + kStride);
}

void KernelMaps::remove_root(const UpperRoot& root) const {
  const sf_inode key = to_kernel(root);
  bpf_map_delete_elem(bpf_map__fd(roots), &key);
  // All inodes of this root, a batch at a time. Concurrent insertions of other
  // roots can make the kernel skip or repeat some; a leftover is harmless: it
  // names a root that no longer exists.
  constexpr std::uint32_t kBatch = 1024;
  std::vector<sf_inode_key> keys(kBatch);
  std::vector<sf_inode_state> values(kBatch);
  std::vector<sf_inode_key> doomed;
  std::uint32_t position = 0;
  bool first = true;
  for (;;) {
    std::uint32_t count = kBatch;
    LIBBPF_OPTS(bpf_map_batch_opts, options);
    const int result = bpf_map_lookup_batch(
        bpf_map__fd(upper_inodes), first ? nullptr : &position, &position,
        keys.data(), values.data(), &count, &options);
    for (std::uint32_t i = 0; i < count; ++i) {
      if (belongs_to(values[i].root, root)) doomed.push_back(keys[i]);
    }
    first = false;
    if (result != 0) break;  // ENOENT: the end
  }
  for (const sf_inode_key& inode : doomed) {
    bpf_map_delete_elem(bpf_map__fd(upper_inodes), &inode);
  }
}

void KernelMaps::add_inode(const UpperRoot& root, const InodeId& inode) const {
  const sf_inode_state state{to_kernel(root), inode.generation, 0};
  put(upper_inodes, inode_key(root.dev, inode.ino), state);
}

void KernelMaps::add_cgroup(std::uint64_t id,
                            const sf_cgroup_state& state) const {
  put(cgroups, id, state);
}

void KernelMaps::remove_cgroup(std::uint64_t id) const {
  sf_cgroup_state state{};
  if (bpf_map_lookup_elem(bpf_map__fd(cgroups), &id, &state) == 0 &&
      state.mnt_ns != 0 && (state.flags & SF_CGROUP_CHILD) == 0) {
    bpf_map_delete_elem(bpf_map__fd(mount_namespaces), &state.mnt_ns);
  }
  bpf_map_delete_elem(bpf_map__fd(cgroups), &id);
}

void KernelMaps::add_mounts(std::uint32_t mnt_ns,
                            const sf_mount_ns& container) const {
  put(mount_namespaces, mnt_ns, container);
}

void KernelMaps::follow(std::uint32_t pid, const sf_followed& followed) const {
  // What the kernel saw itself is better than what we read from /proc.
  put(processes, pid, followed, BPF_NOEXIST);
}

void KernelMaps::rearm(const sf_change_key& key) const {
  bpf_map_delete_elem(bpf_map__fd(changes), &key);
}

std::uint64_t KernelMaps::sum(const bpf_map* map, std::uint32_t key) {
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return 0;
  std::vector<std::uint64_t> values(static_cast<std::size_t>(cpus));
  if (bpf_map_lookup_elem(bpf_map__fd(map), &key, values.data()) != 0) return 0;
  std::uint64_t total = 0;
  for (const std::uint64_t value : values) total += value;
  return total;
}

}  // namespace stillframe::sensors
