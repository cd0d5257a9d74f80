// SPDX-License-Identifier: Apache-2.0
#include "agent/drift/ledger/environment.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "agent/base/text.h"
#include "agent/drift/ledger/first_mounts.h"

namespace stillframe::drift {
namespace {

constexpr std::size_t kMaxMountActions = 256;

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

void Environment::load(const Life& life) {
  if (life_.init_start_ns != 0 && !same_life(life, life_.init_start_ns)) return;
  life_ = life;
}

void Environment::started(std::uint64_t init_start_ns, AskedMounts made) {
  made_ = std::move(made);
  if (same_life(life_, init_start_ns)) return;
  // A runtime may keep what a limit was changed to: then it is no more as it
  // was at first than before.
  Life next;
  for (auto& [file, value] : life_.limits_now) {
    if (auto first = life_.limits.extract(file)) {
      next.limits.insert(std::move(first));
      next.limits_now.emplace(file, std::move(value));
    }
  }
  next.init_start_ns = init_start_ns;
  next.revision = life_.revision + 1;
  life_ = std::move(next);
  mount_differences_.clear();
  mount_actions_.clear();
  mounts_looked_ = false;
  mounts_trouble_.clear();
}

void Environment::observe(const MountObservation& seen, const Actor& by) {
  const ActorId id = books_.actors.intern(by);
  const bool adds = seen.op == MountOp::mount || seen.op == MountOp::move;
  // Where attributes were set is only what the caller said: the next look
  // shows it.
  const bool reported = seen.op != MountOp::attributes;
  if (mount_actions_.size() < kMaxMountActions) {
    mount_actions_.push_back({seen.target, id, seen.boot_ns, reported, adds,
                              seen.op == MountOp::move});
  }
  if (!reported) return;
  MutationEvent event;
  event.kind = Kind::mount_change;
  event.path = seen.target;
  event.facts["operation"] = word(seen.op);
  if (!seen.type.empty()) event.facts["type"] = seen.type;
  if (!seen.source.empty()) event.facts["source"] = seen.source;
  if (seen.flags != 0) event.facts["flags"] = fmt::format("{:#x}", seen.flags);
  outside_.changed(std::move(event), seen.boot_ns, id, true);
}

// The first look comes a little after the container was started, or as late as
// the agent was: what was mounted in between was not part of it.
std::vector<MountEntry> Environment::at_start(
    std::vector<MountEntry> mounts) const {
  for (const auto& action : mount_actions_) {
    if (!action.adds) continue;
    const auto top = std::find_if(
        mounts.rbegin(), mounts.rend(),
        [&](const MountEntry& mount) { return mount.target == action.path; });
    if (top != mounts.rend()) mounts.erase(std::next(top).base());
  }
  return made_ ? of_runtime(mounts, *made_) : mounts;
}

void Environment::observe(const MountsObservation& seen) {
  const bool known = seen.trouble.empty();
  if (mounts_trouble_.empty() != known) verdicts_.judge_again();
  mounts_trouble_ = seen.trouble;
  if (!known) return;
  if (!life_.has_mounts) {
    life_.mounts = at_start(seen.mounts);
    std::erase_if(life_.mounts,
                  [](const MountEntry& mount) { return mount.received; });
    life_.has_mounts = true;
    ++life_.revision;
  }
  auto found = compare_mounts(life_.mounts, seen.mounts);
  if (!found) return;
  const bool first_look = !std::exchange(mounts_looked_, true);
  mount_differences_.swap(*found);
  const MountDifferences& before = *found;
  for (const auto& [path, difference] : mount_differences_) {
    const auto known = before.find(path);
    if (known != before.end() && known->second == difference) continue;
    // A ledger kept from before has it already.
    const Record* r = books_.ledger.find(RecordKey::of_path(path));
    const bool recorded = r != nullptr && r->kinds.has(Kind::mount_change);
    if (first_look && recorded) continue;
    mount_found(path, difference, seen.boot_ns);
  }
  for (const auto& [path, difference] : before) {
    verdicts_.rejudge(RecordKey::of_path(path));
  }
  settle_mount_actions(seen.boot_ns);
  if (first_look) verdicts_.judge_again();
}

// Judges again also what an event reported and is there no more, or never came
// to be.
void Environment::settle_mount_actions(std::uint64_t looked_ns) {
  std::vector<MountAction> settled;
  settled.swap(mount_actions_);
  for (const auto& action : settled) {
    if (action.boot_ns >= looked_ns) mount_actions_.push_back(action);
  }
  for (const auto& action : settled) {
    if (action.reported) verdicts_.rejudge(RecordKey::of_path(action.path));
  }
}

// Something is mounted otherwise: whose work was it?
void Environment::mount_found(const std::string& path,
                              const MountDifference& difference,
                              std::uint64_t boot_ns) {
  const MountAction* by = nullptr;
  for (const auto& action : mount_actions_) {
    if (action.reported && action.path == path) return;  // as it happened
    // What was moved is missed where it was.
    const bool taken_away = action.moves && difference.now.empty();
    if (taken_away || reaches(action.path, path)) by = &action;
  }
  MutationEvent event;
  event.kind = Kind::mount_change;
  event.path = path;
  event.facts["old"] = difference.before;
  event.facts["new"] = difference.now;
  const ActorId id = by == nullptr ? books_.actors.intern({}) : by->actor;
  outside_.changed(std::move(event), by == nullptr ? boot_ns : by->boot_ns, id,
                   by != nullptr);
}

void Environment::observe(const LimitsObservation& seen,
                          const LimitActors& by) {
  for (const auto& [file, value] : seen.values) {
    const auto [at_start, fresh] = life_.limits.try_emplace(file, value);
    if (fresh) {
      // At the beginning, or a controller that was turned on since: not a
      // change of what was there.
      ++life_.revision;
      verdicts_.rejudge(RecordKey::of_path(file));
      continue;
    }
    const auto changed = life_.limits_now.find(file);
    const bool was_changed = changed != life_.limits_now.end();
    std::string last = was_changed ? changed->second : at_start->second;
    if (last == value) continue;
    ++life_.revision;
    if (value != at_start->second) {
      life_.limits_now[file] = value;
    } else {
      life_.limits_now.erase(changed);
    }
    // What a life begins with is its runtime's doing.
    if (!life_.has_limits) {
      verdicts_.rejudge(RecordKey::of_path(file));
      continue;
    }
    MutationEvent event;
    event.kind = Kind::limit_change;
    event.path = file;
    event.facts["old"] = std::move(last);
    event.facts["new"] = value;
    const auto writer = by.find(file);
    const bool named = writer != by.end();
    outside_.changed(std::move(event), seen.boot_ns,
                     books_.actors.intern(named ? writer->second : Actor()),
                     named);
  }
  life_.has_limits = true;
}

bool Environment::as_at_start(const std::string& path, const Record& r) const {
  if (r.kinds.only(Kind::mount_change)) {
    if (!mounts_trouble_.empty()) return false;
    const bool awaited =
        std::any_of(mount_actions_.begin(), mount_actions_.end(),
                    [&](const MountAction& action) {
                      return action.reported && action.path == path;
                    });
    if (awaited) return false;
    if (!mounts_looked_) return !life_.has_mounts;
    return !mount_differences_.contains(path);
  }
  if (r.kinds.only(Kind::limit_change)) {
    const auto then = life_.limits.find(path);
    const auto now = life_.limits_now.find(path);
    return then == life_.limits.end() || now == life_.limits_now.end() ||
           then->second == now->second;
  }
  return false;
}

}  // namespace stillframe::drift
