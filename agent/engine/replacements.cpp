// SPDX-License-Identifier: Apache-2.0
#include "agent/engine/replacements.h"

#include <algorithm>
#include <utility>

#include "agent/containers/workload.h"
#include "agent/model/container_name.h"

namespace stillframe::engine {
namespace {

// Its workload is its image's repository, for want of anything better.
bool known_by_image(const ContainerInfo& info) {
  return info.workload != info.name &&
         info.workload == containers::image_repository(info.image);
}

bool same_workload(const ContainerInfo& a, const ContainerInfo& b) {
  return !a.workload.empty() && a.workload == b.workload &&
         a.pod_namespace == b.pod_namespace && a.space == b.space &&
         (a.store == b.store || a.store.empty() || b.store.empty());
}

bool same_name(const ContainerInfo& a, const ContainerInfo& b) {
  return !a.name.empty() && a.name == b.name;
}

// What follows was made later: an old container that is started again after a
// younger one has stopped is no update.
bool made_after(const ContainerInfo& after, const ContainerInfo& before) {
  return after.created.ns == 0 || before.created.ns == 0 ||
         after.created.ns >= before.created.ns;
}

bool image_changed(const ContainerInfo& before, const ContainerInfo& after) {
  if (!before.image_id.empty() && !after.image_id.empty()) {
    return before.image_id != after.image_id;
  }
  return before.image != after.image;
}

constexpr std::size_t kMaxFormer = 8;

}  // namespace

std::set<Replacements::Workload> Replacements::workloads_of(const Life& life) {
  std::set<Workload> all;
  const auto add = [&](const ContainerInfo& info) {
    if (info.workload.empty()) return;
    all.emplace(info.space, info.pod_namespace, info.workload);
  };
  add(life.info);
  for (const auto& info : life.former) add(info);
  return all;
}

bool Replacements::of_one_workload(const Life& before, const Life& after) {
  return same_workload(before.info, after.info) ||
         std::any_of(before.former.begin(), before.former.end(),
                     [&](const ContainerInfo& info) {
                       return same_workload(info, after.info);
                     });
}

bool Replacements::of_one_name(const Life& before, const Life& after) {
  return same_name(before.info, after.info) ||
         std::any_of(before.former.begin(), before.former.end(),
                     [&](const ContainerInfo& info) {
                       return same_name(info, after.info);
                     });
}

bool Replacements::name(Lives::iterator life, const ContainerInfo& info) {
  if (life->info.name == info.name && life->info.workload == info.workload) {
    return false;
  }
  unindex(life);
  auto& former = life->former;
  if (former.size() >= kMaxFormer) former.erase(former.begin());
  former.push_back(life->info);
  life->info = info;
  life->info.labels.clear();
  index(life);
  return true;
}

void Replacements::index(Lives::iterator life) {
  for (const auto& workload : workloads_of(*life)) {
    by_workload_[workload].push_back(life);
  }
}

void Replacements::unindex(Lives::iterator life) {
  for (const auto& workload : workloads_of(*life)) {
    const auto group = by_workload_.find(workload);
    std::erase(group->second, life);
    if (group->second.empty()) by_workload_.erase(group);
  }
}

// Bare runc's ids are free to reuse: a removed one is another container.
Replacements::Lives::iterator Replacements::find(const ContainerInfo& info) {
  const auto it = by_id_.find(key_of(info));
  return it == by_id_.end() ? lives_.end() : it->second;
}

Replacements::Lives::iterator Replacements::take_in(const ContainerInfo& info) {
  const auto life = lives_.insert(lives_.end(), {.info = info});
  // Any image may have such a label.
  const auto uid = info.labels.find(containers::kPodUidLabel);
  if (!info.pod.empty() && uid != info.labels.end())
    life->pod_uid = uid->second;
  life->info.labels.clear();
  by_id_[key_of(info)] = life;
  index(life);
  return life;
}

std::vector<Replacements::Lives::iterator> Replacements::peers_of(
    const Life& life) const {
  std::vector<Lives::iterator> peers;
  for (const auto& workload : workloads_of(life)) {
    const auto found = by_workload_.find(workload);
    if (found == by_workload_.end()) continue;
    for (const auto it : found->second) {
      if (&*it != &life) peers.push_back(it);
    }
  }
  return peers;
}

Replacements::Lives::iterator Replacements::predecessor_of(const Life& after) {
  auto best = lives_.end();
  for (const auto it : peers_of(after)) {
    if (!it->ended || it->followed || !of_one_workload(*it, after) ||
        !made_after(after.info, it->info)) {
      continue;
    }
    const bool namesake = of_one_name(*it, after);
    if (it->live_ns == 0 && !namesake) continue;
    if (known_by_image(after.info) &&
        after.live_ns - it->exited_ns > kOverlapNs) {
      continue;
    }
    const auto rank = std::make_pair(namesake, it->exited_ns);
    if (best == lives_.end() ||
        rank > std::make_pair(of_one_name(*best, after), best->exited_ns)) {
      best = it;
    }
  }
  return best;
}

Replacements::Lives::iterator Replacements::successor_of(const Life& before) {
  if (before.exited_ns == 0 || known_by_image(before.info)) return lives_.end();
  auto best = lives_.end();
  for (const auto it : peers_of(before)) {
    if (it->ended || it->follows || it->live_ns <= before.live_ns ||
        it->live_ns > before.exited_ns ||
        before.exited_ns - it->live_ns > kOverlapNs ||
        !of_one_workload(before, *it) || !made_after(it->info, before.info)) {
      continue;
    }
    if (best == lives_.end() || it->live_ns > best->live_ns) best = it;
  }
  return best;
}

void Replacements::forget(Lives::iterator life) {
  if (life->removed) {
    --removed_;
  } else {
    by_id_.erase(key_of(life->info));
  }
  unindex(life);
  lives_.erase(life);
}

Replacement Replacements::join(Lives::iterator before, Lives::iterator after) {
  after->follows = true;
  before->followed = true;
  Replacement replacement{before->info, after->info,
                          image_changed(before->info, after->info)};
  if (before->removed) forget(before);
  return replacement;
}

std::optional<Replacement> Replacements::live(const ContainerInfo& info,
                                              std::uint64_t boot_ns) {
  const auto known = find(info);
  const bool restart = known != lives_.end() && known->live_ns != 0;
  if (restart && !known->ended) return std::nullopt;
  const auto life = known != lives_.end() ? known : take_in(info);
  name(life, info);
  life->live_ns = std::max<std::uint64_t>(boot_ns, 1);
  life->exited_ns = 0;
  life->ended = life->followed = false;
  if (restart) {
    life->follows = true;
    return std::nullopt;
  }
  const auto before = predecessor_of(*life);
  if (before == lives_.end()) return std::nullopt;
  const bool same_pod =
      !life->pod_uid.empty() && life->pod_uid == before->pod_uid;
  auto found = join(before, life);
  if (same_pod && !found.image_changed) return std::nullopt;
  return found;
}

void Replacements::exited(const ContainerInfo& info, std::uint64_t boot_ns) {
  const auto it = find(info);
  if (it == lives_.end() || it->ended) return;
  it->ended = true;
  it->exited_ns = boot_ns;
}

void Replacements::found_stopped(const ContainerInfo& info) {
  if (find(info) == lives_.end()) take_in(info)->ended = true;
}

std::optional<Replacement> Replacements::renamed(const ContainerInfo& info) {
  const auto life = find(info);
  if (life == lives_.end() || !name(life, info)) return std::nullopt;
  if (life->ended || life->follows) return std::nullopt;
  const auto before = predecessor_of(*life);
  if (before == lives_.end()) return std::nullopt;
  // Of those that had that name long before it began it is none's update.
  if (before->exited_ns + kOverlapNs < life->live_ns) return std::nullopt;
  return join(before, life);
}

std::optional<Replacement> Replacements::removed(const ContainerInfo& info,
                                                 std::uint64_t boot_ns) {
  exited(info, boot_ns);
  const auto it = find(info);
  if (it == lives_.end()) return std::nullopt;
  if (it->followed || it->info.workload.empty()) {
    forget(it);
    return std::nullopt;
  }
  it->removed = true;
  ++removed_;
  by_id_.erase(key_of(it->info));
  if (const auto after = successor_of(*it); after != lives_.end()) {
    return join(it, after);
  }
  bound_removed();
  return std::nullopt;
}

void Replacements::bound_removed() {
  if (removed_ <= kMaxRemoved) return;
  const auto oldest =
      std::find_if(lives_.begin(), lives_.end(),
                   [](const Life& life) { return life.removed; });
  forget(oldest);
}

}  // namespace stillframe::engine
