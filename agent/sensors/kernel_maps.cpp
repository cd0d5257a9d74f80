// SPDX-License-Identifier: Apache-2.0
#include "agent/sensors/kernel_maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/sensors/decode.h"

namespace stillframe::sensors {
namespace {

sf_inode_key inode_key(std::uint32_t dev, std::uint64_t ino) {
  return {ino, dev, 0};
}

bool same_inode(const sf_inode& a, const sf_inode& b) {
  return a.dev == b.dev && a.ino == b.ino && a.generation == b.generation;
}

// The sum over all CPUs of one value of a per-CPU array.
std::uint64_t sum(const bpf_map* map, std::uint32_t key) {
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return 0;
  std::vector<std::uint64_t> values(static_cast<std::size_t>(cpus));
  if (bpf_map_lookup_elem(bpf_map__fd(map), &key, values.data()) != 0) return 0;
  std::uint64_t total = 0;
  for (const std::uint64_t value : values) total += value;
  return total;
}

}  // namespace

sf_inode to_kernel(const UpperRoot& root) {
  return {root.inode.ino, root.inode.generation, root.dev};
}

UpperRoot from_kernel(const sf_inode& root) {
  return {root.dev, {root.ino, root.generation}};
}

// For how long files are not offered again that had no room: what is not known
// meanwhile is found by its directory.
constexpr std::uint64_t kNoRoomNs = 20'000'000;

KernelMaps::KernelMaps(const Object& owner)
    : roots_(owner.map("roots")),
      upper_inodes_(owner.map("upper_inodes")),
      upper_devs_(owner.map("upper_devs")),
      roots_registered_(owner.map("roots_registered")),
      cgroups_(owner.map("cgroups")),
      containers_known_(owner.map("containers_known")),
      processes_(owner.map("processes")),
      ended_(owner.map("ended")),
      tallies_(owner.map("tallies")),
      changes_(owner.map("changes")),
      losses_(owner.map("losses")),
      counters_(owner.map("counters")),
      mount_namespaces_(owner.map("mount_namespaces")) {
  name_tools(owner.map("tools"));
}

// The kernel names a task by the first letters of its program.
void KernelMaps::name_tools(const bpf_map* tools) const {
  constexpr std::pair<std::string_view, std::uint32_t> programs[] = {
#define STILLFRAME_PROGRAM(program, tool) {program, SF_TOOL_##tool},
      SF_PROGRAMS(STILLFRAME_PROGRAM)
#undef STILLFRAME_PROGRAM
  };
  for (const auto& [program, tool] : programs) {
    std::array<char, SF_COMM_LEN> name{};
    program.copy(name.data(), name.size() - 1);
    put(tools, name, tool);
  }
}

bool KernelMaps::said_full(const bpf_map* map) const {
  const std::lock_guard lock(full_mutex_);
  return !full_.insert(map).second;
}

template <typename Key, typename Value>
bool KernelMaps::put(const bpf_map* map, const Key& key, const Value& value,
                     std::uint64_t flags) const {
  if (bpf_map_update_elem(bpf_map__fd(map), &key, &value, flags) == 0) {
    return true;
  }
  if (flags != BPF_NOEXIST || errno != EEXIST) refused(map, errno);
  return false;
}

// Of maps E2BIG means that they are full; said once until there is room.
void KernelMaps::refused(const bpf_map* map, int error) const {
  if (error == E2BIG && said_full(map)) return;
  log_warn("the kernel side could not be given an entry",
           {{"map", bpf_map__name(map)},
            {"error", error == E2BIG ? "it is full, or one container's share is"
                                     : std::strerror(error)},
            {"hint", "what changes there is found by scans"}});
}

std::int32_t KernelMaps::tally(sf_tally which) const {
  const std::uint32_t key = which;
  std::int32_t value = 0;
  bpf_map_lookup_elem(bpf_map__fd(tallies_), &key, &value);
  return value;
}

// Only of those that the agent writes.
void KernelMaps::add_to_tally(sf_tally which, std::int32_t by) const {
  put(tallies_, std::uint32_t{which}, tally(which) + by);
}

bool KernelMaps::may_follow(std::uint64_t cgroup) const {
  const auto it = adopted_.find(cgroup);
  const std::int32_t own = it == adopted_.end() ? 0 : it->second;
  if (own < SF_PROCESSES_LEAST) return true;
  return own < SF_PROCESSES_MOST &&
         tally(SF_TALLY_PROCESSES) + tally(SF_TALLY_PROCESSES_ADOPTED) <
             SF_PROCESSES_ROOM / 2;
}

// As know_inode() in bpf/lib/shares.h.
bool KernelMaps::may_know(const UpperRoot& root, bool directory) const {
  const std::int32_t kept_back = directory ? 0 : SF_INODES_KEPT_BACK;
  const auto it = scanned_.find(root);
  const std::int32_t own = it == scanned_.end() ? 0 : it->second.inodes;
  if (own < SF_INODES_LEAST) return true;
  return own + kept_back < SF_INODES_MOST &&
         tally(SF_TALLY_INODES) + tally(SF_TALLY_INODES_SCANNED) + kept_back <
             SF_INODES_ROOM / 2;
}

void KernelMaps::add_root(const UpperRoot& root, std::uint32_t flags,
                          std::int64_t since_ns) const {
  {
    const std::lock_guard lock(shares_mutex_);
    removed_.keep(root);
  }
  sf_root_state state{};
  const sf_inode key = to_kernel(root);
  // The kernel may have made it already: keep its budget, add our flags.
  bpf_map_lookup_elem(bpf_map__fd(roots_), &key, &state);
  state.flags |= flags;
  if (since_ns != 0) state.since_ns = since_ns;
  put(roots_, key, state);
  put(upper_devs_, root.dev, std::uint32_t{1});
  add_inode(root, root.inode, true);
  // The kernel side counts by ones: this cannot give a count that was there.
  constexpr std::uint32_t kStride = 1u << 16;
  std::uint32_t made = 0;
  const std::uint32_t zero = 0;
  bpf_map_lookup_elem(bpf_map__fd(roots_registered_), &zero, &made);
  put(roots_registered_, zero, made + kStride);
}

void KernelMaps::remove_root(const UpperRoot& root) const {
  {
    const std::lock_guard lock(full_mutex_);
    full_.clear();
  }
  {
    const std::lock_guard lock(shares_mutex_);
    scanned_.erase(root);
    removed_.add(root);
  }
  const sf_inode key = to_kernel(root);
  bpf_map_delete_elem(bpf_map__fd(roots_), &key);
  forget_inodes();
}

// All inodes of removed roots, a batch at a time. Concurrent insertions of
// other roots can make the kernel skip or repeat some; a leftover is harmless:
// it names a root that no longer exists.
void KernelMaps::forget_inodes() const {
  const std::lock_guard lock(shares_mutex_);
  auto roots = removed_.take(monotonic_now_ns());
  // A container may have begun there again, which the programs knew first.
  std::erase_if(roots, [&](const UpperRoot& root) {
    const sf_inode key = to_kernel(root);
    sf_root_state state{};
    return bpf_map_lookup_elem(bpf_map__fd(roots_), &key, &state) == 0;
  });
  if (roots.empty()) return;
  const auto of_removed = [&](const sf_inode_state& state) {
    return roots.contains(from_kernel(state.root));
  };
  constexpr std::uint32_t kBatch = 1024;
  std::vector<sf_inode_key> keys(kBatch);
  std::vector<sf_inode_state> values(kBatch);
  std::vector<sf_inode_key> doomed;
  std::uint32_t position = 0;
  bool first = true;
  for (;;) {
    std::uint32_t count = kBatch;
    bpf_map_batch_opts options{};  // as LIBBPF_OPTS does it, which is C
    options.sz = sizeof options;
    const int result = bpf_map_lookup_batch(
        bpf_map__fd(upper_inodes_), first ? nullptr : &position, &position,
        keys.data(), values.data(), &count, &options);
    for (std::uint32_t i = 0; i < count; ++i) {
      if (of_removed(values[i])) doomed.push_back(keys[i]);
    }
    first = false;
    if (result != 0) break;  // ENOENT: the end; else the rest is left over
  }
  std::int32_t removed = 0;
  for (const sf_inode_key& inode : doomed) {
    // Its number may be another file's by now, of a container that has just
    // begun: without its directories known nobody would be seen at work there.
    sf_inode_state now{};
    const int fd = bpf_map__fd(upper_inodes_);
    if (bpf_map_lookup_elem(fd, &inode, &now) != 0 || !of_removed(now)) {
      continue;
    }
    if (bpf_map_delete_elem(bpf_map__fd(upper_inodes_), &inode) == 0) ++removed;
  }
  add_to_tally(SF_TALLY_INODES_SCANNED, -removed);
}

std::vector<UpperRoot> KernelMaps::roots() const {
  std::vector<UpperRoot> all;
  const int fd = bpf_map__fd(roots_);
  sf_inode key{};
  const sf_inode* last = nullptr;
  // A key that is removed meanwhile makes the kernel begin again: no more steps
  // than the map has room for.
  for (std::uint32_t i = 0; i < bpf_map__max_entries(roots_); ++i) {
    if (bpf_map_get_next_key(fd, last, &key) != 0) break;
    last = &key;
    sf_root_state state{};
    if (bpf_map_lookup_elem(fd, &key, &state) != 0) continue;
    if ((state.flags & SF_ROOT_IGNORE) != 0) continue;
    all.push_back(from_kernel(key));
  }
  return all;
}

bool KernelMaps::add_inode(const UpperRoot& root, const InodeId& inode,
                           bool directory) const {
  const sf_inode_state state{to_kernel(root), inode.generation, 0};
  const sf_inode_key key = inode_key(root.dev, inode.ino);
  const int fd = bpf_map__fd(upper_inodes_);
  const std::lock_guard lock(shares_mutex_);
  // Of a hundred thousand files that find no room not each has to ask: those of
  // this rootfs, since another's share may have some.
  const std::uint64_t now = directory ? 0 : monotonic_now_ns();
  Scanned& share = scanned_[root];
  if (!directory && now < share.no_room_until_ns) return false;
  sf_inode_state known{};
  if (bpf_map_lookup_elem(fd, &key, &known) == 0) {
    if (known.generation == state.generation &&
        same_inode(known.root, state.root)) {
      return false;
    }
    // One that takes the place of another takes no room.
    return put(upper_inodes_, key, state, BPF_ANY);
  }
  if (!may_know(root, directory)) {
    if (!directory) share.no_room_until_ns = now + kNoRoomNs;
    refused(upper_inodes_, E2BIG);
    return false;
  }
  if (!put(upper_inodes_, key, state, BPF_NOEXIST)) return false;
  ++share.inodes;
  add_to_tally(SF_TALLY_INODES_SCANNED, 1);
  return true;
}

// As may_have_child() in bpf/lib/shares.h, of those that were there before it.
bool KernelMaps::may_have_child(std::uint64_t family) const {
  const auto it = children_.find(family);
  const std::uint32_t own = it == children_.end() ? 0 : it->second;
  if (own < SF_CHILDREN_LEAST) return true;
  return own < SF_CHILDREN_MOST &&
         tally(SF_TALLY_CHILDREN) + tally(SF_TALLY_CHILDREN_ADOPTED) <
             SF_CGROUPS_ROOM / 2;
}

std::optional<ProcessRef> KernelMaps::followed(std::uint32_t pid,
                                               std::uint64_t start_ns) const {
  sf_followed known{};
  if (bpf_map_lookup_elem(bpf_map__fd(processes_), &pid, &known) != 0 ||
      known.started != sf_start_ticks(start_ns)) {
    return std::nullopt;
  }
  ProcessRef process;
  process.pid = pid;
  process.cgroup = known.cgroup;
  process.session = known.session;
  process.start_ns = start_ns;
  return process;
}

// After some seconds its number may be another's, whose end was missed.
std::optional<ProcessRef> KernelMaps::ended(std::uint32_t pid) const {
  constexpr std::uint64_t kLatelyNs = 10'000'000'000;
  const std::uint32_t place = pid % SF_ENDED_ROOM;
  sf_ended entry{};
  if (bpf_map_lookup_elem(bpf_map__fd(ended_), &place, &entry) != 0 ||
      entry.process.pid != pid || entry.pid != pid ||
      boottime_now_ns() > entry.time_ns + kLatelyNs) {
    return std::nullopt;
  }
  return process_ref(entry.process);
}

void KernelMaps::add_cgroup(std::uint64_t id, sf_cgroup_state state) const {
  const std::lock_guard lock(shares_mutex_);
  sf_cgroup_state known{};
  const auto look = [&](std::uint64_t cgroup) {
    return bpf_map_lookup_elem(bpf_map__fd(cgroups_), &cgroup, &known) == 0;
  };
  // What is within a container goes on being of its family.
  if (look(state.family) && known.family != 0) state.family = known.family;
  if (look(id)) {
    if (known.family != 0) state.family = known.family;
    state.children = known.children;
    state.processes = known.processes;
    state.crowd = known.crowd;
    if (same_inode(known.root, state.root) && known.rootfs_dev != 0) {
      state.rootfs_dev = known.rootfs_dev;
    }
    put(cgroups_, id, state);
    return;
  }
  const bool child = (state.flags & SF_CGROUP_CHILD) != 0;
  if (child && !may_have_child(state.family)) return refused(cgroups_, E2BIG);
  if (!put(cgroups_, id, state) || !child) return;
  ++children_[state.family];
  add_to_tally(SF_TALLY_CHILDREN_ADOPTED, 1);
}

void KernelMaps::remove_cgroup(std::uint64_t id) const {
  sf_cgroup_state state{};
  if (bpf_map_lookup_elem(bpf_map__fd(cgroups_), &id, &state) == 0 &&
      state.mnt_ns != 0 && (state.flags & SF_CGROUP_CHILD) == 0) {
    forget_mounts(state.mnt_ns, id);
  }
  bpf_map_delete_elem(bpf_map__fd(cgroups_), &id);
  const std::lock_guard lock(shares_mutex_);
  adopted_.erase(id);
  begun_within_.erase(id);
  children_.erase(id);
}

// As in bpf/lib/lifecycle.h: the number may be another container's by now.
void KernelMaps::forget_mounts(std::uint32_t mnt_ns,
                               std::uint64_t cgroup) const {
  sf_mount_ns known{};
  const int fd = bpf_map__fd(mount_namespaces_);
  if (bpf_map_lookup_elem(fd, &mnt_ns, &known) == 0 && known.cgroup == cgroup) {
    bpf_map_delete_elem(fd, &mnt_ns);
  }
}

void KernelMaps::add_mounts(std::uint32_t mnt_ns,
                            const sf_mount_ns& container) const {
  put(mount_namespaces_, mnt_ns, container);
}

void KernelMaps::follow(std::uint32_t pid, sf_followed followed) const {
  const std::lock_guard lock(shares_mutex_);
  sf_followed known{};
  if (bpf_map_lookup_elem(bpf_map__fd(processes_), &pid, &known) == 0) {
    // What the kernel saw itself is better than what we read from /proc; not so
    // of a former process of that number, nor of one that was first to run
    // something in a container's cgroup before that was known, and no init, nor
    // of what descends from another container because that one began it.
    const bool itself = known.started == followed.started;
    const bool init_by_error = (known.flags & SF_FOLLOWED_INIT) != 0 &&
                               (followed.flags & SF_FOLLOWED_INIT) == 0;
    const bool begun = itself && is_begun_within(followed, known);
    if (itself && !init_by_error && !begun) return;
    if (begun) {
      uncount(known);
      followed.flags |= SF_FOLLOWED_ADOPTED;
    } else {
      followed.flags |= known.flags & SF_FOLLOWED_ADOPTED;  // as it was counted
    }
    bpf_map_update_elem(bpf_map__fd(processes_), &pid, &followed, BPF_EXIST);
    return;
  }
  if (followed.flags == 0 && !may_follow(followed.cgroup)) {
    refused(processes_, E2BIG);
    return note_crowd(followed.cgroup);
  }
  followed.flags |= SF_FOLLOWED_ADOPTED;
  if (!put(processes_, pid, followed, BPF_NOEXIST)) return;
  ++adopted_[followed.cgroup];
  add_to_tally(SF_TALLY_PROCESSES_ADOPTED, 1);
}

// Whoever has the host's namespaces can have its runtime begin a container, and
// the first process of that descends from theirs. Its own come with it, as far
// as they are known to come from where it does; who was sent in from there
// since is a session.
bool KernelMaps::is_begun_within(const sf_followed& own,
                                 const sf_followed& known) const {
  if (own.cgroup == known.cgroup || own.session != 0) return false;
  if ((own.flags & SF_FOLLOWED_INIT) != 0) {
    begun_within_[own.cgroup] = known.cgroup;
    return true;
  }
  const auto it = begun_within_.find(own.cgroup);
  return it != begun_within_.end() && it->second == known.cgroup;
}

// It takes no more room of the container's that it descends from.
void KernelMaps::uncount(const sf_followed& known) const {
  if ((known.flags & SF_FOLLOWED_ADOPTED) != 0) return;
  sf_cgroup_state state{};
  const int fd = bpf_map__fd(cgroups_);
  if (bpf_map_lookup_elem(fd, &known.cgroup, &state) != 0) return;
  const std::uint64_t family = state.family;
  if (bpf_map_lookup_elem(fd, &family, &state) != 0) return;
  --state.processes;
  put(cgroups_, family, state);
}

void KernelMaps::containers_known() const {
  put(containers_known_, std::uint32_t{0}, std::uint32_t{1});
}

// Not to be followed says nothing of where a process came from any more.
void KernelMaps::note_crowd(std::uint64_t cgroup) const {
  sf_cgroup_state state{};
  const int fd = bpf_map__fd(cgroups_);
  if (bpf_map_lookup_elem(fd, &cgroup, &state) != 0) return;
  const std::uint64_t family = state.family;
  if (bpf_map_lookup_elem(fd, &family, &state) != 0 || state.crowd != 0) return;
  state.crowd = 1;
  put(cgroups_, family, state);
}

bool KernelMaps::rearm(const sf_change_key& key) const {
  const int fd = bpf_map__fd(changes_);
  sf_change_state state{};
  if (bpf_map_lookup_and_delete_elem(fd, &key, &state) == 0) {
    return state.repeats != 0;
  }
  if (errno == ENOENT) return true;  // evicted, and what it counted with it
  // Before Linux 5.14 hash maps cannot do both in one.
  const bool counted = bpf_map_lookup_elem(fd, &key, &state) == 0;
  bpf_map_delete_elem(fd, &key);
  return !counted || state.repeats != 0;
}

std::uint64_t KernelMaps::lost(sf_loss reason) const {
  return sum(losses_, reason);
}

std::uint64_t KernelMaps::counted(sf_counter counter) const {
  return sum(counters_, counter);
}

}  // namespace stillframe::sensors
