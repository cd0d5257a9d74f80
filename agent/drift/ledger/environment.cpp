// SPDX-License-Identifier: Apache-2.0
//
// Mounts and limits: what a container was given beside its rootfs. As with
// files, a look at them tells what is different, and events tell who did it.
#include <fmt/format.h>

#include <algorithm>

#include "agent/base/text.h"
#include "agent/drift/ledger/container_drift_impl.h"

namespace stillframe::drift {
namespace {

constexpr std::size_t kMaxMountDeeds = 256;

std::string_view word(MountOp op) {
  switch (op) {
    case MountOp::mount:
      return "mount";
    case MountOp::umount:
      return "umount";
    case MountOp::move:
      return "move";
    case MountOp::pivot:
      return "pivot_root";
    case MountOp::attributes:
      return "mount_setattr";
  }
  return "";
}

// Whether what was done at `target` may have changed `path` too: what lay on a
// mount goes with it.
bool reaches(const std::string& target, const std::string& path) {
  if (target.empty() || target == path || target == "/") return true;
  return starts_with(path, target) && path[target.size()] == '/';
}

}  // namespace

void ContainerDrift::Impl::begin_life(std::uint64_t init_start_ns) {
  if (same_life(life, init_start_ns)) return;
  const std::uint64_t revision = life.revision + 1;
  life = {};
  life.init_start_ns = init_start_ns;
  life.revision = revision;
  mount_differences.clear();
  mount_deeds.clear();
  mounts_looked = false;
}

void ContainerDrift::Impl::observe(const MountObservation& seen,
                                   const Actor& who) {
  const ActorId id = actors.intern(who);
  const bool adds = seen.op == MountOp::mount || seen.op == MountOp::move;
  // Where attributes were set is only what the caller said: the next look
  // tells.
  const bool told = seen.op != MountOp::attributes;
  if (mount_deeds.size() < kMaxMountDeeds) {
    mount_deeds.push_back(
        {seen.target, id, seen.boot_ns, told, adds, seen.op == MountOp::move});
  }
  if (!told) return;
  const auto time = options.clock.wall_at(seen.boot_ns);
  const auto key = RecordKey::of_path(seen.target);
  if (Record* r = record_for(key, time, 1, id)) {
    r->kinds.add(Kind::mount_change);
    r->observed = true;
    r->live = true;
    r->last_boot_ns = std::max(r->last_boot_ns, seen.boot_ns);
  }
  verdicts.rejudge(key);
  MutationEvent event;
  event.time = time;
  event.kind = Kind::mount_change;
  event.path = seen.target;
  event.facts["operation"] = word(seen.op);
  if (!seen.type.empty()) event.facts["type"] = seen.type;
  if (!seen.source.empty()) event.facts["source"] = seen.source;
  if (seen.flags != 0) event.facts["flags"] = fmt::format("{:#x}", seen.flags);
  emit(std::move(event),
       judge.verdict(Kind::mount_change, actor(id).origin, seen.target), id);
}

// The first look comes a little after the container began to live: what was
// mounted in between was no part of it.
std::vector<MountEntry> ContainerDrift::Impl::at_live(
    std::vector<MountEntry> mounts) const {
  for (const auto& deed : mount_deeds) {
    if (!deed.adds) continue;
    const auto top = std::find_if(
        mounts.rbegin(), mounts.rend(),
        [&](const MountEntry& mount) { return mount.target == deed.path; });
    if (top != mounts.rend()) mounts.erase(std::next(top).base());
  }
  return mounts;
}

void ContainerDrift::Impl::observe(const MountsObservation& seen) {
  if (!life.has_mounts) {
    life.mounts = at_live(seen.mounts);
    life.has_mounts = true;
    ++life.revision;
  }
  auto found = compare_mounts(life.mounts, seen.mounts);
  if (!found) return;
  const bool first_look = !mounts_looked;
  mounts_looked = true;
  mount_differences.swap(*found);
  const MountDifferences& before = *found;
  for (const auto& [path, difference] : mount_differences) {
    const auto known = before.find(path);
    if (known != before.end() && known->second == difference) continue;
    // A ledger kept from before tells already.
    const Record* r = ledger.find(RecordKey::of_path(path));
    const bool told = r != nullptr && r->kinds.has(Kind::mount_change);
    if (first_look && told) continue;
    mount_found(path, difference, seen.boot_ns);
  }
  for (const auto& [path, difference] : before) {
    verdicts.rejudge(RecordKey::of_path(path));
  }
  // Also what an event told of and is there no more, or never came to be.
  std::vector<MountDeed> settled;
  settled.swap(mount_deeds);
  for (const auto& deed : settled) {
    if (deed.boot_ns >= seen.boot_ns) mount_deeds.push_back(deed);
  }
  for (const auto& deed : settled) {
    if (deed.told) verdicts.rejudge(RecordKey::of_path(deed.path));
  }
  if (first_look) verdicts.judge_again();
}

// Something is mounted otherwise: whose work was it?
void ContainerDrift::Impl::mount_found(const std::string& path,
                                       const MountDifference& difference,
                                       std::uint64_t boot_ns) {
  const MountDeed* by = nullptr;
  for (const auto& deed : mount_deeds) {
    if (deed.told && deed.path == path) return;  // as it happened
    // What was moved is missed where it was.
    const bool taken_away = deed.moves && difference.now.empty();
    if (taken_away || reaches(deed.path, path)) by = &deed;
  }
  const ActorId id = by == nullptr ? actors.intern(Actor{}) : by->actor;
  const auto time =
      options.clock.wall_at(by == nullptr ? boot_ns : by->boot_ns);
  const auto key = RecordKey::of_path(path);
  if (Record* r = record_for(key, time, 1, id)) {
    r->kinds.add(Kind::mount_change);
    r->observed = r->observed || by != nullptr;
    r->live = true;
  }
  verdicts.rejudge(key);
  MutationEvent event;
  event.time = time;
  event.kind = Kind::mount_change;
  event.path = path;
  event.facts["old"] = difference.before;
  event.facts["new"] = difference.now;
  emit(std::move(event),
       judge.verdict(Kind::mount_change, actor(id).origin, path), id);
}

void ContainerDrift::Impl::observe(const LimitsObservation& seen) {
  for (const auto& [file, value] : seen.values) {
    const auto known = life.limits_now.find(file);
    if (known == life.limits_now.end()) {
      // At the beginning, or a controller that was turned on since: no change
      // of what was there.
      life.limits[file] = value;
    } else if (known->second == value) {
      continue;
    } else {
      limit_found(file, known->second, value, seen.boot_ns);
    }
    life.limits_now[file] = value;
    ++life.revision;
    verdicts.rejudge(RecordKey::of_path(file));
  }
  life.has_limits = true;
}

void ContainerDrift::Impl::limit_found(const std::string& file,
                                       const std::string& before,
                                       const std::string& now,
                                       std::uint64_t boot_ns) {
  // A write to a control file does not say whose it is.
  const ActorId id = actors.intern(Actor{});
  const auto time = options.clock.wall_at(boot_ns);
  if (Record* r = record_for(RecordKey::of_path(file), time, 1, id)) {
    r->kinds.add(Kind::limit_change);
    r->live = true;
  }
  MutationEvent event;
  event.time = time;
  event.kind = Kind::limit_change;
  event.path = file;
  event.facts["old"] = before;
  event.facts["new"] = now;
  emit(std::move(event),
       judge.verdict(Kind::limit_change, actor(id).origin, file), id);
}

// What is as it was when the container began to live.
bool ContainerDrift::Impl::as_at_live(const std::string& path,
                                      const Record& r) const {
  if (r.kinds.only(Kind::mount_change)) {
    const bool awaited = std::any_of(
        mount_deeds.begin(), mount_deeds.end(),
        [&](const MountDeed& deed) { return deed.told && deed.path == path; });
    if (awaited) return false;
    if (!mounts_looked) return !life.has_mounts;
    return !mount_differences.contains(path);
  }
  if (r.kinds.only(Kind::limit_change)) {
    const auto then = life.limits.find(path);
    const auto now = life.limits_now.find(path);
    return then == life.limits.end() || now == life.limits_now.end() ||
           then->second == now->second;
  }
  return false;
}

}  // namespace stillframe::drift
